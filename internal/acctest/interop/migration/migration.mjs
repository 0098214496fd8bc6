// Migrates a message into a mailbox and into public folders, by Exchange Web Services.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ConfidentialClientApplication } from "@azure/msal-node";
import ews from "ews-javascript-api";

const exchangeScope = "https://outlook.office365.com/.default";
const graphScope = "https://graph.microsoft.com/.default";

// migrate plays a migration with the connection of a hand-off: into its own mailbox, into those of other addresses, and
// into the public folders. step runs each of its parts; with keep, what arrived stays in the tenant.
export async function migrate(connection, addresses, endpoints, step, keep) {
  const app = new ConfidentialClientApplication({
    auth: {
      clientId: connection.clientID,
      authority: `${endpoints.login}/${connection.tenantID}`,
      knownAuthorities: [new URL(endpoints.login).host],
      clientSecret: connection.clientSecret,
      clientCertificate: connection.clientCertificate,
    },
  });
  const token = async (scope) => (await app.acquireTokenByClientCredential({ scopes: [scope] })).accessToken;

  const exchangeToken = await step("sign in for Exchange", () => token(exchangeScope));
  const graphToken = await step("sign in for Microsoft Graph", () => token(graphScope));
  await step("read the tenant", () => readTenant(endpoints.graph, graphToken));

  const open = async (address, where) => {
    const mailbox = new Mailbox(address, exchangeToken);
    await step(`find ${where} by Autodiscover`, () => mailbox.discover(endpoints.exchange));
    await step(`open ${where}`, () => ews.Folder.Bind(mailbox.service(), ews.WellKnownFolderName.Inbox));
    await deliver(mailbox, ownFolders(mailbox), where, step, keep);
    return mailbox;
  };
  const dedicated = await open(connection.mailbox, "the mailbox");
  for (const address of addresses) {
    await open(address, address);
  }
  for (const path of connection.publicFolders) {
    const parent = await step(`find the public folder ${path}`, () => dedicated.publicFolder(path));
    await deliver(dedicated, publicFolders(dedicated, parent), `the public folder ${path}`, step, keep);
  }
}

// readTenant reads what the program shows of a tenant: its name and domains.
async function readTenant(graph, token) {
  const response = await fetch(`${graph}/v1.0/organization?$select=id,displayName,verifiedDomains`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  const body = await response.json();
  assert.ok(response.ok, `Microsoft Graph: ${response.status} ${body.error?.code}: ${body.error?.message}`);
  const [{ displayName, verifiedDomains }] = body.value;
  assert.ok(displayName && verifiedDomains.length > 0, "Microsoft Graph does not say which tenant it is");
}

// ownFolders and publicFolders say where folders are created: below which parent, and by which services they and their
// messages are reached.
const ownFolders = (mailbox) => ({
  parent: ews.WellKnownFolderName.MsgFolderRoot,
  folders: () => mailbox.service(),
  messages: () => mailbox.service(),
});
const publicFolders = (mailbox, parent) => ({
  parent,
  folders: () => mailbox.hierarchy(),
  messages: (name) => mailbox.content(parent, name),
});

// deliver creates a folder, saves a message in it, finds it, reads it back, and removes both.
async function deliver(mailbox, place, where, step, keep) {
  const folder = new ews.Folder(place.folders());
  folder.DisplayName = `Migrated ${randomUUID().slice(0, 8)}`;
  await step(`create a folder in ${where}`, () => folder.Save(place.parent));
  const service = await step(`find the mailbox of its messages`, () => place.messages(folder.DisplayName));

  const subject = `Migrated message ${randomUUID().slice(0, 8)}`;
  const sent = new ews.EmailMessage(service);
  sent.Subject = subject;
  sent.Body = new ews.MessageBody(ews.BodyType.Text, `Written by the migration into ${where}.`);
  sent.ToRecipients.Add(mailbox.address);
  sent.SetExtendedProperty(notADraft, 1);
  await step(`save a message in ${where}`, () => sent.Save(folder.Id));

  const found = await step(`find the message in ${where}`, async () => {
    const bySubject = new ews.SearchFilter.IsEqualTo(ews.ItemSchema.Subject, subject);
    const result = await service.FindItems(folder.Id, bySubject, new ews.ItemView(10));
    assert.equal(result.Items.length, 1, `${result.Items.length} messages with the subject`);
    return result.Items[0].Id;
  });
  const message = await step(`read the message in ${where}`, async () => {
    const all = new ews.PropertySet(ews.BasePropertySet.FirstClassProperties);
    all.RequestedBodyType = ews.BodyType.Text;
    const read = await ews.EmailMessage.Bind(service, found, all);
    assert.equal(read.Subject, subject);
    assert.equal(read.Body.Text, `Written by the migration into ${where}.`);
    return read;
  });
  if (keep) {
    return;
  }
  await step(`delete the message in ${where}`, () => message.Delete(ews.DeleteMode.HardDelete));
  await step(`delete the folder in ${where}`, () => folder.Delete(ews.DeleteMode.HardDelete));
}

// PR_MESSAGE_FLAGS (MS-OXCMSG): 1 is mfRead, without mfUnsent, so that Outlook does not show the message as a draft.
const notADraft = new ews.ExtendedPropertyDefinition(0x0e07, ews.MapiPropertyType.Integer);

// PR_REPLICA_LIST (Microsoft: "Route public folder content requests") names the mailbox that holds a folder's content.
const replicaList = new ews.ExtendedPropertyDefinition(0x6698, ews.MapiPropertyType.Binary);

// withReasons makes the reason why Exchange refuses EWS an error's message, since the library drops the headers, and
// keeps the last refusal: of one without a body, the library throws nothing.
function withReasons(api) {
  const reasoned = {
    apiName: api.apiName,
    xhr: (options, progress) => api.xhr(options, progress).catch((refusal) => {
      refusal.message = refusal.getResponseHeader("X-EWS-Policy-Reason") || refusal.message;
      reasoned.refusal = refusal;
      throw refusal;
    }),
  };
  return reasoned;
}

// Mailbox opens a mailbox by impersonation.
class Mailbox {
  constructor(address, token) {
    this.address = address;
    this.token = token;
  }

  // discover asks Autodiscover where EWS and the public folders' hierarchy are.
  async discover(exchange) {
    this.autodiscoverURL = `${exchange}/autodiscover/autodiscover.svc`;
    const name = ews.UserSettingName;
    const settings = await this.userSettings(this.address,
      [name.ExternalEwsUrl, name.PublicFolderInformation, name.InternalRpcClientServer]);
    this.url = settings.get(name.ExternalEwsUrl);
    assert.ok(this.url, "Autodiscover names no address of EWS");
    this.hierarchyAnchor = settings.get(name.PublicFolderInformation);
    this.hierarchyMailbox = settings.get(name.InternalRpcClientServer);
  }

  async userSettings(address, names) {
    const autodiscover = new ews.AutodiscoverService(new ews.Uri(this.autodiscoverURL), ews.ExchangeVersion.Exchange2013);
    autodiscover.Credentials = new ews.OAuthCredentials(this.token);
    const api = withReasons(autodiscover.XHRApi);
    autodiscover.XHRApi = api;
    const answer = await autodiscover.GetUserSettings(address, names).catch((error) => {
      throw error || new Error(`HTTP ${api.refusal.status}`);
    });
    assert.equal(answer.ErrorCode, ews.AutodiscoverErrorCode.NoError, `Autodiscover: ${answer.ErrorMessage}\n`);
    return new Map(names.map((name) => [name, answer.GetSettingValue(name)]));
  }

  // service reaches the mailbox itself, or the public folder mailbox that the headers name.
  service(headers = { "X-AnchorMailbox": this.address }) {
    const service = new ews.ExchangeService(ews.ExchangeVersion.Exchange2013_SP1);
    service.XHRApi = withReasons(service.XHRApi);
    service.Url = new ews.Uri(this.url);
    service.Credentials = new ews.OAuthCredentials(this.token);
    service.ImpersonatedUserId = new ews.ImpersonatedUserId(ews.ConnectingIdType.SmtpAddress, this.address);
    for (const [name, value] of Object.entries(headers)) {
      service.HttpHeaders.Add(name, value);
    }
    return service;
  }

  // hierarchy reaches the mailbox that knows every public folder (Microsoft: "Route public folder hierarchy requests").
  hierarchy() {
    assert.ok(this.hierarchyAnchor, "Autodiscover names no mailbox of the public folders");
    return this.service({ "X-AnchorMailbox": this.hierarchyAnchor, "X-PublicFolderMailbox": this.hierarchyMailbox });
  }

  // publicFolder finds a public folder, level by level from the root.
  async publicFolder(path) {
    let id = new ews.FolderId(ews.WellKnownFolderName.PublicFoldersRoot);
    for (const name of path.split("\\").filter(Boolean)) {
      id = (await this.below(id, name)).Id;
    }
    return id;
  }

  // below finds the public folder of a name right below another one, with the property that names where its content is.
  async below(parent, name) {
    const view = new ews.FolderView(10);
    view.PropertySet = new ews.PropertySet(ews.BasePropertySet.IdOnly, [ews.FolderSchema.DisplayName, replicaList]);
    const byName = new ews.SearchFilter.IsEqualTo(ews.FolderSchema.DisplayName, name);
    const { Folders: found } = await this.hierarchy().FindFolders(parent, byName, view);
    assert.equal(found.length, 1, `there is no public folder ${name}`);
    return found[0];
  }

  // content reaches the mailbox that holds the messages of the public folder of a name below another one.
  async content(parent, name) {
    const replica = { outValue: null };
    assert.ok((await this.below(parent, name)).TryGetProperty(replicaList, replica), "Exchange names no mailbox of the content");
    const guid = Buffer.from(replica.outValue, "base64").toString("latin1", 0, 36); // text with a NUL at its end
    const { AutoDiscoverSMTPAddress: wanted } = ews.UserSettingName;
    const settings = await this.userSettings(`${guid}@${this.address.split("@")[1]}`, [wanted]);
    return this.service({ "X-AnchorMailbox": settings.get(wanted), "X-PublicFolderMailbox": settings.get(wanted) });
  }
}
