// Reads a hand-off as the person at the migration server does: the values of the sheet, and what the store's files hold
// behind it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Decrypter, armor } from "age-encryption";
import forge from "node-forge";
import { parse } from "node-html-parser";

// readHandoff returns the connection of a sheet, with its credential. keys open what the store keeps encrypted.
export async function readHandoff(sheetPath, keys) {
  const sheet = parse(await readFile(sheetPath, "utf8"), { blockTextElements: { script: true, style: true } });
  const store = path.resolve(path.dirname(sheetPath), "..", ".."); // <store>/<tenant ID>/handoff/<mailbox>.html
  const value = (name) => copied(sheet, name)?.trim();
  const connection = {
    mailbox: value("the mailbox"),
    clientID: value("the client ID"),
    tenantID: value("the tenant ID"),
    publicFolders: publicFolders(sheet),
  };
  const [identity, encrypted] = ageFiles(value("the command that opens it with the passphrase"));
  const opened = await open(path.join(store, encrypted), path.join(store, identity), keys);
  const thumbprint = value("the thumbprint");
  if (!thumbprint) {
    return { ...connection, clientSecret: opened };
  }
  const pfx = await readFile(path.join(store, value("the path of the certificate file")));
  return { ...connection, clientCertificate: openPFX(pfx, opened, thumbprint) };
}

// copied is the value that a Copy button of the sheet copies.
function copied(sheet, name) {
  const button = sheet.querySelectorAll("button").find((one) => one.getAttribute("aria-label") === `Copy ${name}`);
  return button?.closest(".copy").querySelector("code").text;
}

// publicFolders are the paths that the sheet names; none where the connection does not migrate public folders.
function publicFolders(sheet) {
  if (!copied(sheet, "the commands that add Owner")) {
    return [];
  }
  const below = sheet.querySelectorAll("ul.folders li code").map(({ text }) => text);
  return below.length > 0 ? below : ["\\"];
}

// ageFiles are the files that an age command of the sheet names: the identity, and what it opens. PowerShell writes a
// quote inside of a string twice.
function ageFiles(command) {
  assert.match(command ?? "", /^age --decrypt --identity '/, "the sheet has no command that opens the credential");
  return Array.from(command.matchAll(/'((?:[^']|'')*)'/g), ([, quoted]) => quoted.replaceAll("''", "'"));
}

const identities = new Map(); // of each store, since a passphrase takes a while to try

// open decrypts a file of the store: with the recipient's own key, or with the store's, which the passphrase opens.
async function open(file, identityFile, { passphrase, key }) {
  let identity = key ?? identities.get(identityFile);
  if (!identity) {
    identity = decrypt(identityFile, (decrypter) => decrypter.addPassphrase(passphrase));
    identities.set(identityFile, identity);
  }
  const secretKeys = (await identity).split("\n").filter((line) => line.startsWith("AGE-SECRET-KEY-"));
  return decrypt(file, (decrypter) => secretKeys.forEach((one) => decrypter.addIdentity(one.trim())));
}

async function decrypt(file, unlock) {
  const decrypter = new Decrypter();
  unlock(decrypter);
  return (await decrypter.decrypt(armor.decode(await readFile(file, "utf8")), "text")).trimEnd();
}

// openPFX returns the credential that MSAL takes. It refuses a certificate that is not the sheet's.
function openPFX(pfx, password, thumbprint) {
  const bag = forge.pkcs12.pkcs12FromAsn1(forge.asn1.fromDer(pfx.toString("binary")), password);
  const { certBag, pkcs8ShroudedKeyBag } = forge.pki.oids;
  const [{ cert }] = bag.getBags({ bagType: certBag })[certBag];
  const [{ key }] = bag.getBags({ bagType: pkcs8ShroudedKeyBag })[pkcs8ShroudedKeyBag];
  const der = Buffer.from(forge.asn1.toDer(forge.pki.certificateToAsn1(cert)).getBytes(), "binary");
  const digest = (algorithm) => createHash(algorithm).update(der).digest("hex").toUpperCase();
  assert.equal(digest("sha1"), thumbprint, "the certificate file holds another certificate");
  return { thumbprintSha256: digest("sha256"), privateKey: forge.pki.privateKeyToPem(key) };
}
