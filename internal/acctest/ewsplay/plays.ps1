# Plays the EWS script against Exchange cmdlets that are functions here, one play after the other, and writes what came of
# each as JSON. The cmdlets keep an organization in $global:play: what is set, and how many reads still show the time before.
param([string] $Script, [string] $Plays, [string] $Outcomes)
$text = [IO.File]::ReadAllText($Script)
$utc = 'https://outlook.office365.com'

function New-Connection($given) {
  [pscustomobject]@{ State = $(if ($given.state) { $given.state } else { 'Connected' }); TenantID = $given.tenant_id; UserPrincipalName = 'admin@example.com'
    ConnectionUri = $(if ($given.uri) { $given.uri } else { $utc }) }
}
function Show-Organization([bool] $operations) {
  $play.reads++
  $now = $play.organization
  if ($play.stale -gt 0) { $play.stale--; $now = $play.before }
  $list = $now.list
  if (-not $operations) { $list = '' }   # without the switch the list shows empty
  if ($play.given.list_as_array) { $list = @($list -split ',' | Where-Object { $_ }) }
  $enabled = $now.enabled
  if ($play.given.enabled_as_text -and $null -ne $enabled) { $enabled = "$enabled" }
  $shown = [pscustomobject]@{ Name = $play.given.name; EwsEnabled = $enabled; EwsAllowedAppIDs = $list }
  if ($play.given.module -eq 'no property') { $shown = $shown | Select-Object Name, EwsEnabled }
  if ($play.given.intruder -and $play.reads -eq 1) { $play.organization = @{ enabled = $now.enabled; list = (@($now.list -split ',' | Where-Object { $_ }) + $play.given.intruder) -join ',' } }
  $shown
}
function Set-OrganizationConfig {
  [CmdletBinding()] param($EwsEnabled, $EwsAllowedAppIDs)
  $play.before = $play.organization
  $now = @{ enabled = $play.before.enabled; list = $play.before.list }
  $write = @{}
  if ($PSBoundParameters.ContainsKey('EwsAllowedAppIDs')) { $now.list = "$EwsAllowedAppIDs"; $write.list = "$EwsAllowedAppIDs" }
  if ($PSBoundParameters.ContainsKey('EwsEnabled')) { $now.enabled = $EwsEnabled; $write.enabled = $EwsEnabled; $write.sets_enabled = $true }
  [void] $play.writes.Add($write)
  if ($play.given.refuses_writes) { throw 'Exchange refuses the write.' }
  $play.organization = $now
  $play.stale = $play.given.lag
}
function Connect-ExchangeOnline {
  [CmdletBinding()] param([switch] $ShowBanner, [string] $DelegatedOrganization)
  if ($PSBoundParameters.ContainsKey('DelegatedOrganization') -and -not $DelegatedOrganization) { throw 'DelegatedOrganization is empty.' }
  [void] $play.connects.Add("$DelegatedOrganization")
  [void] $play.connections.Add((New-Connection $play.given.connects_to))
}
function Read-Host { param($Prompt) $play.asked++; if ($play.given.nobody_there) { throw 'no console' }; $play.given.answer }
function Start-Sleep { param($Seconds) $play.slept += $Seconds }

$results = foreach ($given in (Get-Content -Raw -LiteralPath $Plays | ConvertFrom-Json)) {
  $enabled = $null
  if ($given.enabled -eq 'true') { $enabled = $true } elseif ($given.enabled -eq 'false') { $enabled = $false } elseif ($given.enabled) { $enabled = $given.enabled }
  $global:play = @{ given = $given; organization = @{ enabled = $enabled; list = "$($given.list)" }; before = $null; stale = 0; reads = 0; asked = 0; slept = 0
    writes = [Collections.ArrayList]::new(); connects = [Collections.ArrayList]::new(); connections = [Collections.ArrayList]::new() }
  foreach ($one in $given.connections) { [void] $play.connections.Add((New-Connection $one)) }
  if ($given.module -eq 'no connection information') { Remove-Item function:Get-ConnectionInformation -ErrorAction Ignore } else {
    function Get-ConnectionInformation { $play.connections }
  }
  if ($given.module -eq 'no parameter') {
    function Get-OrganizationConfig { [CmdletBinding()] param() Show-Organization $false }
  } else {
    function Get-OrganizationConfig { [CmdletBinding()] param([switch] $RetrieveEwsOperationAccessPolicy) Show-Organization $RetrieveEwsOperationAccessPolicy }
  }
  $failure = ''
  $said = [Collections.ArrayList]::new()
  $block = [scriptblock]::Create($text)
  try { Invoke-Expression "& `$block $($given.arguments)" 6>&1 | ForEach-Object { [void] $said.Add("$_") } } catch { $failure = "$_" }
  @{ said = ($said -join "`n"); failure = $failure; writes = @($play.writes); connects = @($play.connects); asked = $play.asked; slept = $play.slept }
}
ConvertTo-Json -Depth 6 -InputObject @($results) | Set-Content -LiteralPath $Outcomes
