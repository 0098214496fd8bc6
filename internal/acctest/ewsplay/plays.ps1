# Plays the EWS script against Exchange cmdlets that are functions here, one play after the other, and writes what came of
# each as JSON. The cmdlets keep an organization in $global:play: what is set, and how many reads still show the time before.
# They live in a module, as the real ones do: a caller's preferences do not reach them.
param([string] $Script, [string] $Plays, [string] $Outcomes)
$text = [IO.File]::ReadAllText($Script)

$cmdlets = {
  function New-Connection($given) {
    [pscustomobject]@{ State = $(if ($given.state) { $given.state } else { 'Connected' }); TenantID = $given.tenant_id; UserPrincipalName = 'admin@example.com'
      ConnectionUri = $(if ($given.uri) { $given.uri } else { 'https://outlook.office365.com' }); DelegatedOrganization = "$($given.delegated)" }
  }
  function Show-Organization([bool] $operations) {
    $play.reads++
    if ($play.reads -in $play.given.failing_reads) { Write-Error 'The server is busy.'; return }
    if ($play.reads -eq $play.given.intrudes_at) { $play.organization = Get-Settings $play.given.intrudes_with }
    $now = $play.organization
    if ($play.stale -gt 0) { $play.stale--; $now = $play.before }
    $list = $now.list
    if (-not $operations) { $list = '' }   # without the switch the list shows empty
    if ($play.given.list_as_array) { $list = @($list -split ',' | Where-Object { $_ }) }
    $enabled = $now.enabled
    if ($play.given.enabled_as_text -and $null -ne $enabled) { $enabled = "$enabled" }
    $shown = [pscustomobject]@{ Name = $play.given.name; EwsEnabled = $enabled; EwsAllowedAppIDs = $list }
    if ($play.given.module -eq 'no property') { $shown = $shown | Select-Object Name, EwsEnabled }
    $shown
  }
  function Get-Settings($given) {
    $enabled = $null
    if ($given.enabled -eq 'true') { $enabled = $true } elseif ($given.enabled -eq 'false') { $enabled = $false } elseif ($given.enabled) { $enabled = $given.enabled }
    @{ enabled = $enabled; list = "$($given.list)" }
  }
  function Set-OrganizationConfig {
    [CmdletBinding()] param($EwsEnabled, $EwsAllowedAppIDs, [switch] $WhatIf)
    if ($WhatIf) { return }
    $play.before = $play.organization
    $now = @{ enabled = $play.before.enabled; list = $play.before.list }
    $write = @{}
    if ($PSBoundParameters.ContainsKey('EwsAllowedAppIDs')) { $now.list = "$EwsAllowedAppIDs"; $write.list = "$EwsAllowedAppIDs" }
    if ($PSBoundParameters.ContainsKey('EwsEnabled')) { $now.enabled = $EwsEnabled; $write.enabled = $EwsEnabled; $write.sets_enabled = $true }
    [void] $play.writes.Add($write)
    if ($play.given.refuses_writes) { Write-Error 'Exchange refuses the write.'; return }
    $play.organization = $now
    $play.stale = $play.given.lag
  }
  function Connect-ExchangeOnline {
    [CmdletBinding()] param([switch] $ShowBanner, [string] $DelegatedOrganization)
    if ($PSBoundParameters.ContainsKey('DelegatedOrganization') -and -not $DelegatedOrganization) { throw 'DelegatedOrganization is empty.' }
    [void] $play.connects.Add("$DelegatedOrganization")
    [void] $play.connections.Add((New-Connection $play.given.connects_to))
  }
}
$connectionInformation = { function Get-ConnectionInformation { [CmdletBinding()] param() $play.connections } }
$reads = { function Get-OrganizationConfig { [CmdletBinding()] param([switch] $RetrieveEwsOperationAccessPolicy) Show-Organization $RetrieveEwsOperationAccessPolicy } }
$readsOld = { function Get-OrganizationConfig { [CmdletBinding()] param() Show-Organization $false } }

function Read-Host { param($Prompt) $play.asked++; if ($play.given.nobody_there) { throw 'no console' }; $play.given.answer }
function Start-Sleep { param($Seconds) $play.slept += $Seconds }

$results = foreach ($given in (Get-Content -Raw -LiteralPath $Plays | ConvertFrom-Json)) {
  $content = "$cmdlets`n$(if ($given.module -eq 'no parameter') { $readsOld } else { $reads })"
  if ($given.module -ne 'no connection information') { $content += "`n$connectionInformation" }
  $exchange = New-Module -Name Exchange -ScriptBlock ([scriptblock]::Create($content))
  Import-Module $exchange -Force
  if ($given.module -eq 'no writing') { Remove-Item function:Set-OrganizationConfig }
  $global:play = @{ given = $given; organization = (& $exchange { Get-Settings $args[0] } $given); before = $null; stale = $given.lag_before; reads = 0; asked = 0; slept = 0
    writes = [Collections.ArrayList]::new(); connects = [Collections.ArrayList]::new(); connections = [Collections.ArrayList]::new() }
  if ($given.lag_before) { $play.before = & $exchange { Get-Settings $args[0] } $given.earlier }
  foreach ($one in $given.connections) { [void] $play.connections.Add((& $exchange { New-Connection $args[0] } $one)) }
  $failure = ''
  $said = [Collections.ArrayList]::new()
  $block = [scriptblock]::Create($text)
  $sets = ''
  if ($given.what_if) { $sets = "`$WhatIfPreference = `$true; " }
  if ($given.strict) { $sets = "Set-StrictMode -Version Latest; `$OFS = ';'; `$PSDefaultParameterValues = @{ 'Set-OrganizationConfig:WhatIf' = `$true }; " }
  try { Invoke-Expression "& { $sets & `$block $($given.arguments) }" 6>&1 | ForEach-Object { [void] $said.Add("$_") } } catch { $failure = "$_" }
  Remove-Module Exchange -Force
  @{ said = ($said -join "`n"); failure = $failure; writes = @($play.writes); connects = @($play.connects); asked = $play.asked; slept = $play.slept }
}
ConvertTo-Json -Depth 6 -InputObject @($results) | Set-Content -LiteralPath $Outcomes
