# Plays a migration as a .NET program does: it takes the certificate from the Windows user's personal store by its
# thumbprint, signs in with MSAL.NET, and speaks EWS. The values are those of the hand-off sheet; Library is a folder
# with Microsoft.Identity.Client.dll. What arrives in the tenant is deleted again.
param(
  [Parameter(Mandatory)] [string] $TenantId, [Parameter(Mandatory)] [string] $ClientId,
  [Parameter(Mandatory)] [string] $Mailbox, [Parameter(Mandatory)] [string] $Thumbprint,
  [Parameter(Mandatory)] [string] $Library,
  [string] $Login = 'https://login.microsoftonline.com', [string] $Exchange = 'https://outlook.office365.com'
)
$ErrorActionPreference = 'Stop'
Add-Type -Path (Join-Path $Library 'Microsoft.IdentityModel.Abstractions.dll')
Add-Type -Path (Join-Path $Library 'Microsoft.Identity.Client.dll')

function Step([string] $Name, [scriptblock] $Work) {
  try { $result = & $Work } catch { throw "$Name`: $($_.Exception.GetBaseException().Message)" }
  [Console]::Out.WriteLine("ok: $Name")
  $result
}

$certificate = Step 'find the certificate by its thumbprint' {
  $my = [System.Security.Cryptography.X509Certificates.X509Store]::new('My', 'CurrentUser')
  $my.Open('ReadOnly')
  $found = $my.Certificates.Find('FindByThumbprint', $Thumbprint, $false) | Where-Object HasPrivateKey
  $my.Close()
  if (-not $found) { throw "no certificate $Thumbprint with its private key" }
  $found
}

$token = Step 'sign in for Exchange' {
  $app = [Microsoft.Identity.Client.ConfidentialClientApplicationBuilder]::Create($ClientId).
    WithAuthority("$Login/$TenantId/", $false).WithInstanceDiscovery($false).WithCertificate($certificate).Build()
  $app.AcquireTokenForClient([string[]] @('https://outlook.office365.com/.default')).ExecuteAsync().GetAwaiter().GetResult().AccessToken
}

$http = [System.Net.Http.HttpClient]::new()

$ews = Step 'find the mailbox by Autodiscover' {
  $answer = $http.GetStringAsync("$Exchange/autodiscover/autodiscover.json/v1.0/${Mailbox}?Protocol=Ews").GetAwaiter().GetResult()
  ($answer | ConvertFrom-Json).Url
}

# Sends a request of EWS as the mailbox, and returns its response message.
function Invoke-Ews([string] $Body) {
  $request = [System.Net.Http.HttpRequestMessage]::new('Post', $ews)
  $request.Headers.Authorization = [System.Net.Http.Headers.AuthenticationHeaderValue]::new('Bearer', $token)
  $request.Headers.Add('X-AnchorMailbox', $Mailbox)
  $envelope = '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"' +
    ' xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"' +
    ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Header>' +
    '<t:RequestServerVersion Version="Exchange2013_SP1"/><t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>' +
    [System.Security.SecurityElement]::Escape($Mailbox) +
    "</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></s:Header><s:Body>$Body</s:Body></s:Envelope>"
  $request.Content = [System.Net.Http.StringContent]::new($envelope, [System.Text.Encoding]::UTF8, 'text/xml')
  $response = $http.SendAsync($request).GetAwaiter().GetResult()
  $text = $response.Content.ReadAsStringAsync().GetAwaiter().GetResult()
  if ($response.StatusCode -ne 'OK') {
    $reason = if ($response.Headers.Contains('X-EWS-Policy-Reason')) { $response.Headers.GetValues('X-EWS-Policy-Reason') }
    $fault = if ($text) { ([xml] $text).Envelope.Body.Fault.detail.ResponseCode.'#text' }
    throw "HTTP $([int] $response.StatusCode) $reason$fault"
  }
  # Envelope, Body, <operation>Response, ResponseMessages, and the one message in it.
  $message = ([xml] $text).Envelope.Body.FirstChild.FirstChild.FirstChild
  if ($message.ResponseClass -ne 'Success') { throw "$($message.ResponseCode): $($message.MessageText)" }
  $message
}

$subject = "Migrated $([guid]::NewGuid())"
$mime = "From: $Mailbox`r`nTo: $Mailbox`r`nSubject: $subject`r`nMIME-Version: 1.0`r`nContent-Type: text/plain; charset=utf-8`r`n`r`nWritten by a .NET program.`r`n"

$folder = Step 'create a folder' {
  (Invoke-Ews ('<m:CreateFolder><m:ParentFolderId><t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderId><m:Folders><t:Folder>' +
    "<t:DisplayName>$subject</t:DisplayName></t:Folder></m:Folders></m:CreateFolder>")).Folders.Folder.FolderId.Id
}
$saved = Step 'save a message' {
  (Invoke-Ews ("<m:CreateItem MessageDisposition=`"SaveOnly`"><m:SavedItemFolderId><t:FolderId Id=`"$folder`"/></m:SavedItemFolderId><m:Items><t:Message>" +
    "<t:MimeContent CharacterSet=`"UTF-8`">$([Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes($mime)))</t:MimeContent>" +
    '</t:Message></m:Items></m:CreateItem>')).Items.Message.ItemId.Id
}
$found = Step 'find the message' {
  $message = (Invoke-Ews ('<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>' +
    '<m:IndexedPageItemView MaxEntriesReturned="10" Offset="0" BasePoint="Beginning"/><m:Restriction><t:IsEqualTo><t:FieldURI FieldURI="item:Subject"/>' +
    "<t:FieldURIOrConstant><t:Constant Value=`"$subject`"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>" +
    "<m:ParentFolderIds><t:FolderId Id=`"$folder`"/></m:ParentFolderIds></m:FindItem>")).RootFolder.Items.Message
  if (@($message).Count -ne 1) { throw "$(@($message).Count) messages have the subject" }
  $message.ItemId.Id
}
$null = Step 'read the message' {
  $read = (Invoke-Ews ('<m:GetItem><m:ItemShape><t:BaseShape>Default</t:BaseShape><t:BodyType>Text</t:BodyType></m:ItemShape>' +
    "<m:ItemIds><t:ItemId Id=`"$found`"/></m:ItemIds></m:GetItem>")).Items.Message
  if ($found -ne $saved -or $read.Subject -ne $subject) { throw "another message was found: $($read.Subject)" }
  if ($read.Body.'#text'.Trim() -ne 'Written by a .NET program.') { throw "the message says: $($read.Body.'#text')" }
}
$null = Step 'delete the message' {
  Invoke-Ews "<m:DeleteItem DeleteType=`"HardDelete`"><m:ItemIds><t:ItemId Id=`"$found`"/></m:ItemIds></m:DeleteItem>"
}
$null = Step 'delete the folder' {
  Invoke-Ews "<m:DeleteFolder DeleteType=`"HardDelete`"><m:FolderIds><t:FolderId Id=`"$folder`"/></m:FolderIds></m:DeleteFolder>"
}
