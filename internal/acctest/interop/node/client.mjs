// Plays a registration with Microsoft's libraries for Node: MSAL signs in, the Graph client speaks to Graph.
import assert from "node:assert/strict";
import { X509Certificate, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfidentialClientApplication } from "@azure/msal-node";
import { BatchRequestContent, BatchResponseContent, Client, PageIterator } from "@microsoft/microsoft-graph-client";

const { FOREIGN_ORIGIN: origin, FOREIGN_TENANT_ID: tenantID, FOREIGN_CLIENT_ID: clientID, FOREIGN_CLIENT_SECRET: clientSecret } = process.env;
const host = new URL(origin).hostname;
const pem = readFileSync(process.env.FOREIGN_CERTIFICATE, "utf8");
const certificate = new X509Certificate(pem);
const displayName = "Interop Node client";

// signIn returns a Graph client that signs in by a credential.
function signIn(credential) {
  const app = new ConfidentialClientApplication({
    auth: { ...credential, authority: `${origin}/${tenantID}`, knownAuthorities: [new URL(origin).host] },
  });
  return Client.initWithMiddleware({
    baseUrl: origin,
    defaultVersion: "v1.0",
    customHosts: new Set([host]),
    authProvider: {
      getAccessToken: async () => (await app.acquireTokenByClientCredential({ scopes: ["https://graph.microsoft.com/.default"] })).accessToken,
    },
  });
}

async function step(name, work) {
  try {
    const result = await work();
    console.log(`ok: ${name}`);
    return result;
  } catch (error) {
    console.error(`${name}: ${error.stack ?? error} ${error.body ?? ""}`);
    process.exit(1);
  }
}

const graph = signIn({ clientId: clientID, clientSecret });

const app = await step("registering", async () => {
  const app = await graph.api("/applications").post({
    displayName,
    keyCredentials: [{ type: "AsymmetricX509Cert", usage: "Verify", key: certificate.raw.toString("base64") }],
  });
  const principal = await graph.api("/servicePrincipals").post({ appId: app.appId });
  const api = await graph.api("/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')").select(["id", "appRoles"]).get();
  const role = api.appRoles.find(({ value }) => value === "Organization.Read.All");
  await graph.api(`/servicePrincipals/${api.id}/appRoleAssignedTo`).post({ principalId: principal.id, resourceId: api.id, appRoleId: role.id });
  return app;
});

await step("the new application signs in by certificate", async () => {
  const thumbprintSha256 = certificate.fingerprint256.replaceAll(":", "");
  const itself = signIn({ clientId: app.appId, clientCertificate: { thumbprintSha256, privateKey: pem.slice(pem.indexOf("-----BEGIN PRIVATE KEY-----")) } });
  const organizations = await itself.api("/organization").get();
  assert.deepEqual(organizations.value.map(({ id }) => id), [tenantID]);
});

await step("an application is found by its name", async () => {
  const found = await graph.api("/applications").filter(`displayName eq '${displayName}'`).select(["appId"]).get();
  assert.deepEqual(found.value, [{ appId: app.appId }]);
  const counted = await graph.api("/applications").header("ConsistencyLevel", "eventual").count(true).search(`"displayName:interop"`).get();
  assert.equal(counted["@odata.count"], 1);
});

await step("pages", async () => {
  const seen = [];
  const first = await graph.api("/servicePrincipals").top(2).get();
  await new PageIterator(graph, first, ({ id }) => seen.push(id)).iterate();
  assert.equal(first.value.length, 2);
  assert.ok(seen.length >= 5, `${seen.length} service principals`);
  assert.equal(new Set(seen).size, seen.length);
});

await step("a batch", async () => {
  const content = new BatchRequestContent();
  // This version of the library does not take Graph's version off a URL (msgraph-sdk-javascript, issue 1451).
  const address = `${origin}/applications/${app.id}`;
  const write = { id: "1", request: new Request(address, {
    method: "PATCH", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ notes: "changed in a batch" }),
  }) };
  content.addRequest(write);
  content.addRequest({ id: "2", dependsOn: ["1"], request: new Request(address) });
  const answered = new BatchResponseContent(await graph.api("/$batch").post(await content.getContent()));
  assert.equal(answered.getResponseById("1").status, 204);
  assert.equal((await answered.getResponseById("2").json()).notes, "changed in a batch");
});

await step("an error", async () => {
  await assert.rejects(graph.api(`/applications/${randomUUID()}`).get(), (error) => {
    assert.equal(error.statusCode, 404);
    assert.equal(error.code, "Request_ResourceNotFound");
    assert.ok(error.requestId);
    return true;
  });
});

await step("the end", async () => {
  await graph.api(`/applications/${app.id}`).delete();
  const bin = await graph.api("/directory/deletedItems/microsoft.graph.servicePrincipal").get();
  for (const id of [app.id, ...bin.value.map(({ id }) => id)]) {
    await graph.api(`/directory/deletedItems/${id}`).delete();
  }
});
