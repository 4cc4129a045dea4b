//! What to do next, as commands that work when they are pasted.

use crate::linking::PHONES;
use crate::sandbox::Sandbox;

/// The words that follow the facts.
pub(crate) fn next_steps(sandbox: &Sandbox) -> String {
    let (api, simulator) = (sandbox.url(), sandbox.simulator_url());
    let [phone_a, phone_b] = PHONES;
    let token = format!("TOKEN=$(curl -s {api}/api/token | cut -d'\"' -f6)");
    let steps = match sandbox.session_ids().first() {
        Some(session) => format!(
            r#"  curl -s {api}/api/messages/send -w '\n' -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{{"sessionId": "{session}", "to": "+{phone_b}", "type": "text", "text": "Hello 👋"}}'
  curl -s {simulator}/admin/phones/{phone_b}/messages -w '\n'"#
        ),
        None => format!(
            r#"  SESSION=$(curl -s -X POST {api}/api/sessions -w '\n' -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{}}' \
    | grep -o 'qr_[0-9]*_[0-9a-f]*')
  sleep 1; curl -s {api}/api/sessions/$SESSION/qr -H "Authorization: Bearer $TOKEN" | grep -o '2@[^"]*' \
    | curl -s '{simulator}/admin/mock-phone/scan-qr?phone={phone_a}' --data-binary @- -w '\n'
  curl -s {api}/api/sessions/$SESSION -w '\n' -H "Authorization: Bearer $TOKEN"
  curl -s {api}/api/messages/send -w '\n' -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{{"sessionId": "'$SESSION'", "to": "+{phone_b}", "type": "text", "text": "Hello 👋"}}'
  curl -s {simulator}/admin/phones/{phone_b}/messages -w '\n'"#
        ),
    };
    format!(
        "\nThe sandbox is ready; everything stays on this machine. Try, in another terminal:\n\n  {token}\n{steps}\n\nCtrl-C stops it."
    )
}
