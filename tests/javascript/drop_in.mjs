// The built plugin dropped into a running sandbox: its type comes, sends what the virtual phone then has, and goes again.

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const { SWITCHBOARD_URL: baseUrl, SWITCHBOARD_TOKEN: token, SESSION_ID_1: sessionId } = process.env;
const { SIMULATOR_URL: simulator, PHONE_B: to, PLUGIN: built, SANDBOX_DATA: data } = process.env;
const folder = join(data, "plugins");
// Compiling the engine that is in the component takes the better part of it, in a debug build of the host.
const PATIENCE_MS = 120_000;

const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
const get = async (path) => (await fetch(`${baseUrl}${path}`, { headers })).json();
async function send(fields) {
  const body = JSON.stringify({ sessionId, to, type: "appointment", ...fields });
  const response = await fetch(`${baseUrl}/api/messages/send`, { method: "POST", headers, body });
  return { status: response.status, body: await response.json() };
}

/** Waits until there is something. */
async function until(what, look) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise((go) => setTimeout(go, 100))) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`${what} never came`);
}

let passed = 0;
async function check(sentence, body) {
  try {
    await body();
  } catch (error) {
    console.error(`javascript: not so: ${sentence}`);
    throw error;
  }
  passed += 1;
}

const place = { name: "Dr. Weber", address: "Lindenstr. 5, 50674 Cologne", latitude: 50.9325, longitude: 6.9386 };
const appointment = { what: "Dental check-up", when: "2099-12-03T14:30:00+01:00", minutes: 45, place, language: "en" };
const unknown = async () => {
  const answer = await send(appointment);
  assert.deepEqual([answer.status, answer.body.code], [400, "unknown_type"], JSON.stringify(answer));
};
const listed = async () => (await get("/api/plugins")).plugins.find(({ id }) => id === "appointment");

await check("without the plugin its type is unknown", unknown);

await check("dropped into the data folder, it is ready", async () => {
  const aside = join(folder, ".appointment");
  mkdirSync(aside, { recursive: true });
  for (const file of ["plugin.toml", "plugin.wasm"]) copyFileSync(join(built, file), join(aside, file));
  renameSync(aside, join(folder, "appointment"));
  const { status, error } = await until("the plugin", listed);
  assert.equal(status, "ready", error);
});

await check("its type stands in the API description", async () => {
  const { components } = await get("/openapi.json");
  assert.ok("SendBody.appointment" in components.schemas);
});

await check("one send is a text and a location on the phone, in this order", async () => {
  const answer = await send(appointment);
  assert.equal(answer.status, 200, JSON.stringify(answer));
  const messages = await until("both messages", async () => {
    const { messages } = await (await fetch(`${simulator}/admin/phones/${to}/messages`)).json();
    return messages.length >= 2 && messages;
  });
  const [text, location] = messages;
  const lines = [
    "*Your appointment*",
    "Dental check-up",
    "Thursday, 3 December 2099, 14:30–15:15",
    "Dr. Weber, Lindenstr. 5, 50674 Cologne",
    "",
    "If you cannot come, please reply to this message.",
  ];
  assert.equal(text.text, lines.join("\n"));
  assert.deepEqual([location.type, location.name, location.latitude], ["location", place.name, place.latitude]);
});

await check("what only the plugin knows to be wrong is told with its field", async () => {
  const answer = await send({ ...appointment, when: "2099-02-30T10:00:00+01:00" });
  const { code, field } = answer.body;
  assert.deepEqual([answer.status, code, field], [400, "invalid_field", "when"], JSON.stringify(answer));
});

await check("taken out of the folder, it is gone, and its type with it", async () => {
  rmSync(join(folder, "appointment"), { recursive: true });
  await until("the end of the plugin", async () => !(await listed()));
  await unknown();
});

console.log(`javascript: ${passed} checks of plugins/appointment in a running server passed`);
