//! What to do next, as commands that work when they are pasted.

use crate::linking::PHONES;
use crate::sandbox::Sandbox;

/// The words that follow the facts.
pub(crate) fn next_steps(sandbox: &Sandbox) -> String {
    let (api, simulator) = (sandbox.url(), sandbox.simulator_url());
    let [phone_a, phone_b] = PHONES;
    let auth = format!(r#"AUTH="Authorization: Bearer $(curl -s {api}/api/token | cut -d'"' -f6)""#);
    let send = format!(
        r#"  curl -s {api}/api/messages/send -w '\n' -H "$AUTH" -H 'Content-Type: application/json' \
    -d '{{"sessionId": "'$SESSION'", "to": "+{phone_b}", "type": "text", "text": "Hello 👋"}}'
  curl -s {simulator}/admin/phones/{phone_b}/messages -w '\n'"#
    );
    let session = match sandbox.session_ids().first() {
        Some(session) => format!("  SESSION={session}"),
        None => format!(
            r#"  SESSION=$(curl -s {api}/api/sessions -H "$AUTH" -H 'Content-Type: application/json' -d '{{}}' | grep -o 'qr_[0-9]*_[0-9a-f]*')
  until curl -s {api}/api/sessions/$SESSION -H "$AUTH" | grep -q '"QR_READY"'; do sleep 0.2; done
  curl -s {api}/api/sessions/$SESSION/qr -H "$AUTH" | grep -o '2@[^"]*' \
    | curl -s '{simulator}/admin/mock-phone/scan-qr?phone={phone_a}' --data-binary @- -w '\n'
  until curl -s {api}/api/sessions/$SESSION -H "$AUTH" | grep -q '"READY"'; do sleep 0.2; done"#
        ),
    };
    format!(
        "\nThe sandbox is ready; everything stays on this machine. Try, in another terminal:\n\n  {auth}\n{session}\n{send}\n\nCtrl-C stops it."
    )
}
