"""Flutterwave, Paystack and M-Pesa (Daraja) as their references describe them, on a port of this machine.

Each checks what it is sent and can be told to fail: `next(...)` puts faults before the
coming requests (a status, "drop", "garbage"), `log` is what was asked. `pay` and `fail` are what a customer does.
"""

from __future__ import annotations

import base64
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Said = tuple[int, Any]
Message = tuple[bytes, dict[str, str]]


@dataclass
class Service:
    """What the three have in common."""

    log: list[tuple[str, str, Any]] = field(default_factory=list)
    faults: list[Any] = field(default_factory=list)
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    refunds_say: str = ""
    url: str = ""

    def next(self, *faults: Any) -> None:
        """What the next requests meet."""
        self.faults.extend(faults)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, authorization: str) -> Said:
        """What the service says."""
        return 404, {"message": "Nothing is served here."}


@dataclass
class FakePaystack(Service):
    """Secret key `sk_test_paystack`."""

    KEY = "sk_test_paystack"

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, authorization: str) -> Said:
        if authorization != f"Bearer {self.KEY}":
            return 401, {"status": False, "message": "Invalid key"}
        if (method, path) == ("GET", "/transaction"):
            return 200, {"status": True, "message": "Transactions retrieved", "data": []}
        if (method, path) == ("POST", "/transaction/initialize"):
            return self.start(body)
        if path == "/transaction/charge_authorization":
            return self.charge(body)
        if path == "/refund":
            return self.give_back(body) if method == "POST" else self.listed(query["transaction"])
        row = self.payments.get(path.removeprefix("/transaction/verify/"))
        if row is None:
            return 400, {"status": False, "message": "Transaction reference not found."}
        return 200, {"status": True, "message": "Verification successful", "data": row}

    def start(self, body: Any) -> Said:
        reference = body["reference"]
        if reference in self.payments:
            return 400, {"status": False, "message": "Duplicate Transaction Reference"}
        if "@" not in body["email"] or not str(body["amount"]).isdigit():
            return 400, {"status": False, "message": "Invalid body"}
        self.payments[reference] = {
            "id": 4_099_260_000 + len(self.payments),
            "status": "abandoned",
            "reference": reference,
            "amount": int(body["amount"]),
            "currency": body["currency"],
            "gateway_response": "The transaction was not completed",
            "paid_at": None,
        }
        url = f"https://checkout.paystack.example/{len(self.payments)}"
        return 200, {"status": True, "data": {"authorization_url": url, "reference": reference}}

    def charge(self, body: Any) -> Said:
        """A saved authorization is charged; AUTH_no is declined."""
        if body["reference"] in self.payments:
            return 400, {"status": False, "message": "Duplicate Transaction Reference"}
        self.start(body)
        row = self.payments[body["reference"]]
        good = body["authorization_code"] == "AUTH_yes" and body["email"] == "anna@pay.example"
        row |= {"status": "success" if good else "failed", "paid_at": "2026-11-26T10:00:00.000Z"}
        row["gateway_response"] = "Approved" if good else "Insufficient Funds"
        return 200, {"status": True, "message": "Charge attempted", "data": row}

    def give_back(self, body: Any) -> Said:
        """A refund, up to what is left; Paystack knows no keys for repeats."""
        id, amount = str(body["transaction"]), int(body["amount"])
        paid = next((row for row in self.payments.values() if str(row["id"]) == id), None)
        if paid is None or paid["status"] != "success":
            return 400, {"status": False, "message": "Transaction not found"}
        gone = sum(row["amount"] for row in self.refunds if str(row["transaction"]) == id)
        if amount > paid["amount"] - gone:
            return 400, {
                "status": False,
                "message": "Refund amount cannot be more than the transaction amount",
            }
        row = self.refund(id, amount, note=body["merchant_note"], status=self.refunds_say or "pending")
        return 200, {"status": True, "message": "Refund has been queued for processing", "data": row}

    def listed(self, id: str) -> Said:
        """The refunds of a transaction."""
        rows = [row for row in self.refunds if str(row["transaction"]) == id]
        return 200, {"status": True, "message": "Refunds retrieved", "data": rows}

    def refund(self, id: str, amount: int, *, note: str = "", status: str = "processed") -> dict[str, Any]:
        """Somebody gives money back, in the dashboard or by us."""
        row = {
            "id": 3_018_000 + len(self.refunds),
            "transaction": int(id),
            "amount": amount,
            "currency": "NGN",
        }
        row |= {"status": status, "merchant_note": note or "Refund for transaction by staff@shop.example"}
        self.refunds.append(row)
        return row

    def refund_message(self, row: dict[str, Any], reference: str) -> Message:
        """What Paystack sends about a refund; it names the transaction and has no id."""
        data = {"status": row["status"], "transaction_reference": reference, "amount": str(row["amount"])}
        return self.message({"event": f"refund.{row['status']}", "data": data})

    def pay(self, reference: str) -> Message:
        """The customer pays; the message that Paystack sends."""
        row = self.payments[reference]
        row |= {"status": "success", "gateway_response": "Successful", "paid_at": "2026-11-26T10:00:00.000Z"}
        card = {"authorization_code": "AUTH_yes", "last4": "4081", "exp_month": "12", "exp_year": "2034"}
        card |= {"channel": "card", "brand": "visa ", "reusable": True, "signature": "SIG_1"}
        row |= {"authorization": card, "customer": {"email": "anna@pay.example"}}
        return self.message({"event": "charge.success", "data": row})

    def fail(self, reference: str, reason: str) -> None:
        """The bank says no."""
        self.payments[reference] |= {"status": "failed", "gateway_response": reason}

    def message(self, event: dict[str, Any]) -> Message:
        """Signed with the secret key."""
        body = json.dumps(event).encode()
        return body, {"x-paystack-signature": hmac.new(self.KEY.encode(), body, "sha512").hexdigest()}


@dataclass
class FakeFlutterwave(Service):
    """Secret key `FLWSECK_TEST-1`, secret hash `agreed-on`."""

    KEY = "FLWSECK_TEST-1"
    HASH = "agreed-on"

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, authorization: str) -> Said:
        if authorization != f"Bearer {self.KEY}":
            return 401, {"status": "error", "message": "Invalid authorization key", "data": None}
        if (method, path) == ("GET", "/v3/transactions"):
            return 200, {"status": "success", "message": "Transactions fetched", "data": []}
        if (method, path) == ("POST", "/v3/payments"):
            if "@" not in body["customer"]["email"] or not body["redirect_url"].startswith("http"):
                return 400, {"status": "error", "message": "Invalid body", "data": None}
            self.payments[body["tx_ref"]] = {"amount": body["amount"], "currency": body["currency"]}
            link = f"https://checkout.flutterwave.example/{len(self.payments)}"
            return 200, {"status": "success", "message": "Hosted Link", "data": {"link": link}}
        if path == "/v3/tokenized-charges":
            return self.charge(body)
        if path == "/v3/refunds":
            rows = [row for row in self.refunds if str(row["tx_id"]) == query["id"]]
            rows = rows if query["page"] == "1" else []
            return 200, {"status": "success", "message": "Transaction refunds fetched", "data": rows}
        if path.startswith("/v3/transactions/") and path.endswith("/refund"):
            return self.give_back(path.split("/")[3], body)
        row = self.payments.get(query.get("tx_ref", ""), {})
        if path != "/v3/transactions/verify_by_reference" or "id" not in row:
            return 404, {"status": "error", "message": "No transaction was found for this id", "data": None}
        return 200, {"status": "success", "message": "Transaction fetched successfully", "data": row}

    def charge(self, body: Any) -> Said:
        """A card's token is charged; the token `no` is declined."""
        if body["tx_ref"] in self.payments or not body["country"]:
            return 400, {"status": "error", "message": "Transaction reference already exists", "data": None}
        self.payments[body["tx_ref"]] = {"amount": body["amount"], "currency": body["currency"]}
        good = body["token"] == "flw-t1nf-yes"
        self.pay(
            body["tx_ref"],
            status="successful" if good else "failed",
            reason="Approved" if good else "Insufficient funds",
        )
        return 200, {"status": "success", "message": "Charge done", "data": self.payments[body["tx_ref"]]}

    def give_back(self, id: str, body: Any) -> Said:
        """A refund, up to what is left; v3 knows no keys for repeats."""
        paid = next((row for row in self.payments.values() if str(row.get("id")) == id), None)
        gone = sum(row["amount_refunded"] for row in self.refunds if str(row["tx_id"]) == id)
        if paid is None or float(body["amount"]) > paid["amount"] - gone:
            return 400, {"status": "error", "message": "Refund amount is above the transaction", "data": None}
        row = {"id": 75_900 + len(self.refunds), "tx_id": int(id), "amount_refunded": float(body["amount"])}
        row |= {"status": self.refunds_say or "completed", "comments": body["comments"]}
        self.refunds.append(row)
        return 200, {"status": "success", "message": "Transaction refund initiated", "data": row}

    def pay(
        self, reference: str, *, status: str = "successful", reason: str = "Approved", **more: Any
    ) -> Message:
        """The customer pays, or fails to; the message that Flutterwave sends."""
        row = self.payments[reference]
        row |= {"id": 288_200_000 + len(self.payments), "tx_ref": reference, "status": status}
        row |= {"processor_response": reason, "created_at": "2026-11-26T10:00:00.000Z", **more}
        card = {"token": "flw-t1nf-yes", "first_6digits": "553188", "last_4digits": "2950", "expiry": "09/32"}
        row |= {"card": card | {"type": "MASTERCARD"}, "customer": {"email": "anna@pay.example"}}
        row["amount"] = float(row["amount"])
        return json.dumps({"event": "charge.completed", "data": row}).encode(), {"verif-hash": self.HASH}


@dataclass
class FakeMpesa(Service):
    """Consumer key and secret `ck` and `cs`, short code 174379, passkey `pk`."""

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, authorization: str) -> Said:
        if path == "/oauth/v1/generate":
            if authorization != "Basic " + base64.b64encode(b"ck:cs").decode():
                return 400, {}
            return 200, {"access_token": "token-1", "expires_in": "3599"}
        if authorization != "Bearer token-1":
            return 404, {"errorCode": "404.001.03", "errorMessage": "Invalid Access Token"}
        password = base64.b64encode(f"174379pk{body['Timestamp']}".encode()).decode()
        if body["Password"] != password or body["BusinessShortCode"] != "174379":
            return 500, {"errorCode": "500.001.1001", "errorMessage": "Wrong credentials"}
        if path == "/mpesa/stkpush/v1/processrequest":
            id = f"ws_CO_{len(self.payments) + 1}"
            self.payments[id] = dict(body)
            return 200, {"ResponseCode": "0", "CheckoutRequestID": id, "CustomerMessage": "Success."}
        row = self.payments.get(body["CheckoutRequestID"], {})
        if "ResultCode" not in row:
            words = "The transaction is being processed"
            return 500, {"errorCode": "500.001.1001", "errorMessage": words}
        return 200, {"ResponseCode": "0", "ResultCode": row["ResultCode"], "ResultDesc": row["ResultDesc"]}

    def finish(self, id: str, code: str = "0", words: str = "Processed.") -> tuple[str, bytes]:
        """The customer types the PIN or not; where Daraja calls back, and with what."""
        self.payments[id] |= {"ResultCode": code, "ResultDesc": words}
        told = {"CheckoutRequestID": id, "ResultCode": int(code), "ResultDesc": words}
        return urlsplit(self.payments[id]["CallBackURL"]).path, json.dumps(
            {"Body": {"stkCallback": told}}
        ).encode()


class Handler(BaseHTTPRequestHandler):
    """HTTP in front of a service."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.serve()

    def do_POST(self) -> None:
        self.serve()

    def serve(self) -> None:
        service = self.server.service
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(raw) if raw else None
        service.log.append((self.command, parts.path, body))
        fault = service.faults.pop(0) if service.faults else None
        if isinstance(fault, int):
            return self.say(fault, json.dumps({"message": f"Injected {fault}."}).encode())
        said = service.answer(
            self.command,
            parts.path,
            dict(parse_qsl(parts.query)),
            body,
            self.headers.get("Authorization", ""),
        )
        if fault == "drop":
            self.close_connection = True
            return None
        return self.say(said[0], b"<html>" if fault == "garbage" else json.dumps(said[1]).encode())

    def say(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: object) -> None:
        """Quiet."""


class Server(ThreadingHTTPServer):
    """The port, and the service behind it."""

    daemon_threads = True

    def __init__(self, service: Service) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.service = service


@contextmanager
def serving(service: Service) -> Iterator[Service]:
    """The service on a port; `service.url` is its address."""
    server = Server(service)
    service.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
