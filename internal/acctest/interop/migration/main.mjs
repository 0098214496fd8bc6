// Plays a migration from hand-offs: node main.mjs [--keep] [--into ADDRESS]... [--list FILE] [SHEET]...
//
// SHEET is a hand-off sheet (HTML) in a copy of the connection store; FILE is a JSON list of them. ADDRESS is another
// mailbox of the tenant to migrate into. Without --keep, what arrived is deleted again. CODETWO_STORE_PASSPHRASE opens the
// credential, or the age key in the file that AGE_KEY_FILE names. If the cloud is not Microsoft's own,
// CODETWO_LOGIN_ENDPOINT, CODETWO_GRAPH_ENDPOINT and CODETWO_EXCHANGE_ENDPOINT say where it is, and NODE_EXTRA_CA_CERTS
// whom to trust there.
//
// One sheet: each step is printed when it is done. Several: one line of JSON for each, in the order of the sheets. The
// exit status is 1 if a migration did not come to its end.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import ews from "ews-javascript-api";
import { readHandoff } from "./handoff.mjs";
import { migrate } from "./migration.mjs";

const atOnce = 8; // migrations

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    keep: { type: "boolean" },
    into: { type: "string", multiple: true, default: [] },
    list: { type: "string" },
  },
});
const sheets = options.list ? JSON.parse(await readFile(options.list, "utf8")) : positionals;
const { env } = process;
const keys = { passphrase: env.CODETWO_STORE_PASSPHRASE };
if (env.AGE_KEY_FILE) {
  keys.key = await readFile(env.AGE_KEY_FILE, "utf8");
}
const endpoints = {
  login: env.CODETWO_LOGIN_ENDPOINT ?? "https://login.microsoftonline.com",
  graph: env.CODETWO_GRAPH_ENDPOINT ?? "https://graph.microsoft.com",
  exchange: env.CODETWO_EXCHANGE_ENDPOINT ?? "https://outlook.office365.com",
};

// play returns how a migration ended: with the step that failed and its error, or with neither.
async function play(sheet, done) {
  let current = "read the hand-off";
  const step = async (name, work) => {
    current = name;
    const result = await work();
    done(name);
    return result;
  };
  try {
    const connection = await step(current, () => readHandoff(sheet, keys));
    await migrate(connection, options.into, endpoints, step, options.keep);
    return { sheet };
  } catch (error) {
    return { sheet, step: current, error: explain(error) };
  }
}

// explain returns an error in one line: of Entra's the sentence with its code, of EWS's the status and the code.
function explain(error) {
  const message = (error.Message ?? error.message ?? String(error)).replaceAll(/\s+/g, " ").trim();
  const code = ews.ServiceError[error.ErrorCode];
  return /AADSTS\d+: [^.]*\./.exec(message)?.[0] ??
    [error.HttpStatusCode && `HTTP ${error.HttpStatusCode}`, code !== "NoError" && code, message].filter(Boolean).join(" ");
}

let failed = false;
if (sheets.length === 1 && !options.list) {
  const { step, error } = await play(sheets[0], (name) => console.log(`✓ ${name}`));
  if (error) {
    console.error(`✗ ${step}: ${error}`);
    failed = true;
  }
} else {
  const results = new Array(sheets.length);
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < sheets.length) {
      const at = next++;
      results[at] = await play(sheets[at], () => {});
    }
  }));
  results.forEach((result) => console.log(JSON.stringify(result)));
  failed = results.some(({ error }) => error);
}
process.exitCode = failed ? 1 : 0;
