"""pywa against a sandbox: every kind of the dialect, and every failure as the exception that pywa's users catch."""

import json
import os
import time
import urllib.request

from pywa import WhatsApp, errors, types

URL, TOKEN, SESSION = os.environ["SWITCHBOARD_URL"], os.environ["SWITCHBOARD_TOKEN"], os.environ["SESSION_ID_1"]
SIMULATOR, DESK, FRIEND = os.environ["SIMULATOR_URL"], os.environ["PHONE_A"], os.environ["PHONE_B"]
PATIENCE_SECONDS = 30


def get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return json.load(answer)


def client(token, phone_id):
    whatsapp = WhatsApp(phone_id=phone_id, token=token)
    # Its constructor knows Meta's address only.
    whatsapp.api._session.base_url = f"{URL}/v26.0"
    return whatsapp


def until(what, look):
    """Waits for something to be so: the phone gets a message when it gets it."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} never came")


def arrived(**wanted):
    def look():
        messages = get(f"{SIMULATOR}/admin/phones/{FRIEND}/messages")["messages"]
        return next((one for one in messages if all(one.get(k) == v for k, v in wanted.items())), None)

    return until(wanted, look)


def fails(exception, call):
    try:
        call()
    except exception as error:
        return error
    raise AssertionError(f"{exception.__name__} was not raised")


bearer = {"Authorization": f"Bearer {TOKEN}"}
mobid = get(f"{URL}/api/sessions/{SESSION}", **bearer)["mobid"]
wa = client(TOKEN, mobid)

sent = wa.send_message(to=FRIEND, text="from pywa", preview_url=True, tracker="order 7")
first = arrived(type="text", text="from pywa")
assert get(f"{URL}/api/messages/{sent.id}", **bearer)["message"]["clientRef"] == "order 7"

wa.send_message(to=f"+{FRIEND}", text="an answer", reply_to_message_id=sent.id)
assert arrived(text="an answer")["quotes"] == first["id"]

wa.send_location(to=FRIEND, latitude=9.5, longitude=76.5, name="Fort Kochi", address="Kochi")
assert arrived(type="location")["name"] == "Fort Kochi"

name = types.Contact.Name(formatted_name="Asha Nair", first_name="Asha")
phone = types.Contact.Phone(phone="+91 70127 29389", wa_id="917012729389", type="CELL")
wa.send_contact(to=FRIEND, contact=types.Contact(name=name, phones=[phone]))
assert "waid=917012729389" in arrived(type="contact")["vcards"][0]

wa.send_reaction(to=FRIEND, emoji="👍", message_id=sent.id)
assert arrived(type="reaction", emoji="👍")["reactsTo"] == first["id"]
wa.remove_reaction(to=FRIEND, message_id=sent.id)
arrived(type="reaction", emoji="")

body = json.dumps({"to": DESK, "text": "a question"}).encode()
urllib.request.urlopen(urllib.request.Request(f"{SIMULATOR}/admin/phones/{FRIEND}/send", data=body)).close()


def asked():
    log = get(f"{URL}/api/messages?sessionId={SESSION}&direction=inbound", **bearer)["messages"]
    return next((one for one in log if one.get("text") == "a question"), None)


question = until("the question", asked)["wamid"]
wa.mark_message_as_read(question)
wa.indicate_typing(question)

phone = wa.get_business_phone_number()
assert phone.id == mobid and phone.display_phone_number.endswith(DESK[-4:]), phone

fails(errors.AuthorizationError, lambda: client("nonsense", mobid).send_message(to=FRIEND, text="x"))
fails(errors.WhatsAppError, lambda: client(TOKEN, "42").send_message(to=FRIEND, text="x"))
fails(errors.MessageUndeliverable, lambda: wa.send_message(to="15559999999", text="x"))
fails(errors.WhatsAppError, lambda: wa.send_image(to=FRIEND, image="https://example.org/x.png"))
print("pywa: text, reply, location, contact, reaction, removal, read, typing, phone and 4 failures as it expects them")
