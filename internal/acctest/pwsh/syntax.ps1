# Prints what Windows PowerShell 5.1 lacks of each script that is named: a line "script", then for each finding
# "<line>:<column> <what>: <text>", and at the very end "end".
#
# What is new, and since when: Microsoft Learn, "What's New in PowerShell Core 6.0" and its successors up to 7.6, and
# "Differences between Windows PowerShell 5.1 and PowerShell 7.x".
$ErrorActionPreference = 'Stop'

$newCommands = 'Get-Error', 'Test-Json', 'Join-String', 'ConvertFrom-Markdown', 'Show-Markdown', 'Get-MarkdownOption',
  'Set-MarkdownOption', 'Get-Uptime', 'Remove-Alias', 'Remove-Service', 'Get-ExperimentalFeature', 'Switch-Process',
  'Get-PSSubsystem', 'ConvertTo-CliXml', 'ConvertFrom-CliXml', 'Start-ThreadJob', 'pwsh'

$web = 'AllowUnencryptedAuthentication', 'AllowInsecureRedirect', 'Authentication', 'ConnectionTimeoutSeconds',
  'CustomMethod', 'FollowRelLink', 'Form', 'HttpVersion', 'MaximumFollowRelLink', 'MaximumRetryCount', 'NoProxy',
  'OperationTimeoutSeconds', 'PreserveAuthorizationOnRedirect', 'PreserveHttpMethodOnRedirect', 'ResponseHeadersVariable',
  'Resume', 'RetryIntervalSec', 'SkipCertificateCheck', 'SkipHeaderValidation', 'SkipHttpErrorCheck', 'SslProtocol',
  'StatusCodeVariable', 'Token', 'UnixSocket'
$newParameters = @{
  'Add-Content'              = @('AsByteStream')
  'ConvertFrom-Json'         = 'AsHashtable', 'DateKind', 'Depth', 'NoEnumerate'
  'ConvertFrom-SecureString' = @('AsPlainText')
  'ConvertTo-Csv'            = 'IncludeTypeInformation', 'NoHeader', 'QuoteFields', 'UseQuotes'
  'ConvertTo-Json'           = 'AsArray', 'EnumsAsStrings', 'EscapeHandling'
  'Export-Csv'               = 'IncludeTypeInformation', 'NoHeader', 'QuoteFields', 'UseQuotes'
  'ForEach-Object'           = 'AsJob', 'Parallel', 'ThrottleLimit', 'TimeoutSeconds', 'UseNewRunspace'
  'Format-Hex'               = 'Count', 'Offset'
  'Get-ChildItem'            = @('FollowSymlink')
  'Get-Content'              = @('AsByteStream')
  'Get-Date'                 = 'AsUTC', 'UnixTimeSeconds'
  'Get-Random'               = @('Shuffle')
  'Import-Module'            = 'SkipEditionCheck', 'UseWindowsPowerShell'
  'Invoke-RestMethod'        = $web
  'Invoke-WebRequest'        = $web
  'Join-Path'                = 'AdditionalChildPath', 'Extension'
  'Measure-Object'           = 'AllStats', 'StandardDeviation'
  'New-Guid'                 = 'Empty', 'InputObject'
  'Read-Host'                = @('MaskInput')
  'Resolve-Path'             = 'Force', 'RelativeBasePath'
  'Select-Object'            = @('CaseInsensitive')
  'Select-String'            = 'Culture', 'NoEmphasis', 'Raw'
  'Set-Content'              = @('AsByteStream')
  'Sort-Object'              = 'Bottom', 'Stable', 'Top'
  'Split-Path'               = 'Extension', 'LeafBase'
  'Start-Process'            = @('Environment')
  'Test-Connection'          = 'IPv4', 'IPv6', 'MaxHops', 'MtuSize', 'Ping', 'Repeat', 'TargetName', 'TcpPort', 'Traceroute'
  'Where-Object'             = @('Not')
}
$newVariables = 'IsCoreCLR', 'IsLinux', 'IsMacOS', 'IsWindows', 'PSStyle', 'EnabledExperimentalFeatures'
# Types, and static members of types, that .NET has and the .NET Framework lacks (Microsoft Learn, ".NET API browser").
$newTypes = 'X509CertificateLoader', 'PemEncoding', 'OperatingSystem'
$newMembers = 'Convert::ToHexString', 'Convert::FromHexString', 'Path::Join', 'SHA1::HashData', 'SHA256::HashData',
  'RandomNumberGenerator::Fill', 'RandomNumberGenerator::GetBytes', 'RandomNumberGenerator::GetInt32', 'Environment::ProcessId',
  'Environment::ProcessPath'

# The parameter names of a command, written out in full where PowerShell knows the command.
function Get-BoundName($command) {
  $command.CommandElements | Where-Object { $_ -is [System.Management.Automation.Language.CommandParameterAst] } | ForEach-Object { $_.ParameterName }
  try {
    [System.Management.Automation.Language.StaticParameterBinder]::BindCommand($command, $true).BoundParameters.Keys
  } catch { }
}

function Test-Command($command) {
  $name = $command.GetCommandName()
  if (-not $name) { return }
  $alias = Get-Alias -Name $name -ErrorAction Ignore
  if ($alias) { $name = $alias.Definition }
  if ($newCommands -contains $name) { "the command $name" }
  $bound = @(Get-BoundName $command)
  foreach ($parameter in $newParameters[$name]) {
    if ($bound -contains $parameter) { "$name -$parameter" }
  }
  if ($name -eq 'ConvertTo-SecureString' -and $bound -contains 'AsPlainText' -and $bound -notcontains 'Force') { "$name -AsPlainText without -Force" }
  for ($i = 1; $i -lt $command.CommandElements.Count; $i++) {
    $element = $command.CommandElements[$i]
    if ($element -is [System.Management.Automation.Language.CommandParameterAst] -and 'Encoding' -eq $element.ParameterName) {
      $value = if ($element.Argument) { $element.Argument } elseif ($i + 1 -lt $command.CommandElements.Count) { $command.CommandElements[$i + 1] }
      if ($value -and 'ansi', 'utf8BOM', 'utf8NoBOM' -contains $value.Extent.Text.Trim("'`"")) { "-Encoding $($value.Extent.Text)" }
    }
  }
}

function Test-Type($type) {
  $last = ($type -split '\.')[-1]
  if ($newTypes -contains $last) { "the type $last" }
}

function Test-Node($node) {
  switch ($node.GetType().Name) {
    'TernaryExpressionAst' { 'the operator ? :' }
    'PipelineChainAst' { "the chain $(if ($node.Operator -eq 'AndAnd') { '&&' } else { '||' })"; if ($node.Background) { 'the background operator &' } }
    'PipelineAst' { if ($node.Background) { 'the background operator &' } }
    'BinaryExpressionAst' { if ($node.Operator -eq 'QuestionQuestion') { 'the operator ??' } }
    'AssignmentStatementAst' { if ($node.Operator -eq 'QuestionQuestionEquals') { 'the operator ??=' } }
    'IndexExpressionAst' { if ($node.NullConditional) { 'the operator ?[]' } }
    'ScriptBlockAst' { if ($node.CleanBlock) { 'a clean block' } }
    'CommandAst' { Test-Command $node }
    'TypeExpressionAst' { Test-Type $node.TypeName.FullName }
    'VariableExpressionAst' { if ($newVariables -contains $node.VariablePath.UserPath) { "the variable $($node.VariablePath.UserPath)" } }
    { 'MemberExpressionAst', 'InvokeMemberExpressionAst' -contains $_ } {
      if ($node.NullConditional) { 'the operator ?.' }
      if ($node.Static -and $node.Expression -is [System.Management.Automation.Language.TypeExpressionAst]) {
        $member = "$(($node.Expression.TypeName.FullName -split '\.')[-1])::$($node.Member.Extent.Text)"
        if ($newMembers -contains $member) { "the member $member" }
      }
    }
  }
}

function Test-Token($token) {
  switch ($token.Kind) {
    { 'StringExpandable', 'HereStringExpandable', 'Generic' -contains $_ } {
      if ($token.Text -cmatch '(?<!`)(``)*`(e|u\{)') { 'the escape `e or `u{}' }
    }
    'Number' {
      if ($token.Text -match '^-?0b') { 'a binary number' } elseif ($token.Text -match '(uy|us|ul|u|y|s|n)(kb|mb|gb|tb|pb)?$') { 'the suffix of a number' }
    }
  }
}

function Write-Finding($extent, $what) {
  $text = ($extent.Text -split '\r?\n')[0]
  "$($extent.StartLineNumber):$($extent.StartColumnNumber) ${what}: $text"
}

foreach ($file in $args) {
  'script'
  $tokens = $errors = $null
  $tree = [System.Management.Automation.Language.Parser]::ParseFile($file, [ref] $tokens, [ref] $errors)
  foreach ($parseError in $errors) { Write-Finding $parseError.Extent "parse error, $(($parseError.Message -split '\r?\n')[0])" }
  foreach ($node in $tree.FindAll({ $true }, $true)) {
    foreach ($what in Test-Node $node) { Write-Finding $node.Extent $what }
  }
  foreach ($token in $tokens) {
    foreach ($what in Test-Token $token) { Write-Finding $token.Extent $what }
  }
}
'end'
