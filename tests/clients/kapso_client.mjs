// @kapso/whatsapp-cloud-api against a sandbox: every kind of the dialect, and failures as this client tells them.

import assert from "node:assert/strict";
import { WhatsAppClient } from "@kapso/whatsapp-cloud-api";

const { SWITCHBOARD_URL: baseUrl, SWITCHBOARD_TOKEN: accessToken, SESSION_ID_1: session } = process.env;
const { SIMULATOR_URL: simulator, PHONE_B: to } = process.env;
const PATIENCE_MS = 30_000;

const client = (accessToken) => new WhatsAppClient({ baseUrl, accessToken });
const ours = async (path) =>
  (await fetch(`${baseUrl}${path}`, { headers: { authorization: `Bearer ${accessToken}` } })).json();

/** Waits for a message on the phone with these properties. */
async function arrived(wanted) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise((go) => setTimeout(go, 50))) {
    const { messages } = await (await fetch(`${simulator}/admin/phones/${to}/messages`)).json();
    const found = messages.find((one) => Object.entries(wanted).every(([name, value]) => one[name] === value));
    if (found) return found;
  }
  throw new Error(`${JSON.stringify(wanted)} never came`);
}

const phoneNumberId = (await ours(`/api/sessions/${session}`)).mobid;
const { messages } = client(accessToken);

const sent = await messages.sendText({ phoneNumberId, to, body: "from kapso", previewUrl: true });
const id = sent.messages[0].id;
assert.equal(sent.contacts[0].waId ?? sent.contacts[0].wa_id, to);
const first = await arrived({ type: "text", text: "from kapso" });

await messages.sendLocation({ phoneNumberId, to, location: { latitude: 1.5, longitude: 2.5, name: "Here" } });
assert.equal((await arrived({ type: "location", name: "Here" })).latitude, 1.5);

const phones = [{ phone: "+1 555 000 0009", type: "CELL", waId: "15550000009" }];
await messages.sendContacts({ phoneNumberId, to, contacts: [{ name: { formattedName: "Bob", firstName: "Bob" }, phones }] });
const { messages: all } = await (await fetch(`${simulator}/admin/phones/${to}/messages`)).json();
assert.ok(all.some((one) => one.vcards?.[0].includes("waid=15550000009")), "the contact arrived");

await messages.sendReaction({ phoneNumberId, to, reaction: { messageId: id, emoji: "🙏" } });
assert.equal((await arrived({ type: "reaction", emoji: "🙏" })).reactsTo, first.id);
await messages.sendReaction({ phoneNumberId, to, reaction: { messageId: id } });

const fails = async (call) => {
  const error = await call().then(() => null, (error) => error);
  assert.ok(error, "it failed");
  return error;
};
const badToken = await fails(() => client("nonsense").messages.sendText({ phoneNumberId, to, body: "x" }));
assert.equal(badToken.httpStatus ?? badToken.status, 401, JSON.stringify(badToken));
const unknown = await fails(() => messages.sendText({ phoneNumberId: "42", to, body: "x" }));
assert.equal(unknown.code, 100, JSON.stringify(unknown));
const image = await fails(() => messages.sendImage({ phoneNumberId, to, image: { link: "https://example.org/x.png" } }));
assert.equal(image.code, 131051, JSON.stringify(image));
console.log("kapso: text, location, contacts, reaction, removal and 3 failures as it expects them");
