"""A mail server on a port of this machine: it takes mails, and refuses or stays silent when told to.

`server.mails` is what it took, as parsed messages with their envelope. `server.answers[address]` is what it says to a
recipient ("550 No such user", "451 Try later"); `server.says["DATA"]` what it says once a mail is whole, `"HELO"`
what it says first, another verb (`"EHLO"`, `"AUTH"`) what it says to that; "silence" says nothing and lets the client
wait, "close" hangs up.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class Taken:
    """A mail that came."""

    sender: str
    recipients: list[str]
    message: EmailMessage

    def part(self, kind: str) -> str:
        """The text of the first part of a media type."""
        found = next(part for part in self.message.walk() if part.get_content_type() == kind)
        return str(found.get_content())  # type: ignore[attr-defined]

    @property
    def files(self) -> dict[str, str]:
        """Names of what is attached, with their media types."""
        return {
            part.get_filename() or "": part.get_content_type()
            for part in self.message.walk()
            if part.get_filename()
        }


@dataclass
class FakeSmtp:
    """What it took, and what it says."""

    mails: list[Taken] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    port: int = 0
    over: threading.Event = field(default_factory=threading.Event)


class Handler(socketserver.StreamRequestHandler):
    """One connection."""

    fake: FakeSmtp

    def say(self, text: str) -> bool:
        """Answer; whether the conversation goes on."""
        if text == "silence":
            self.fake.over.wait(5)
            return False
        if text == "close":
            return False
        self.wfile.write(f"{text}\r\n".encode())
        return True

    def handle(self) -> None:
        """The commands in turn."""
        fake, sender, recipients = self.fake, "", []
        fake.asked += 1
        if not self.say(fake.says.get("HELO", "220 here")):
            return
        while line := self.rfile.readline().decode().strip():
            verb, argument = line[:4].upper(), line.partition(":")[2].split(" ")[0].strip("<>")
            if verb == "MAIL":
                sender, recipients = argument, []
                going = self.say("250 fine")
            elif verb == "RCPT":
                answer = fake.answers.get(argument, "250 fine")
                if answer.startswith("250"):
                    recipients.append(argument)
                going = self.say(answer)
            elif verb == "DATA":
                self.say("354 go on")
                content = b""
                while (row := self.rfile.readline()) not in (b".\r\n", b""):
                    content += row.removeprefix(b".") if row.startswith(b"..") else row
                answer = fake.says.get("DATA", "250 taken")
                if answer.startswith("250"):
                    message = message_from_bytes(content, policy=policy.default)
                    fake.mails.append(Taken(sender, recipients, message))  # type: ignore[arg-type]
                going = self.say(answer)
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                going = self.say(fake.says.get(verb, "250 fine"))
            if not going:
                return


@contextmanager
def fake_smtp() -> Iterator[FakeSmtp]:
    """The server, until the block ends."""
    fake = FakeSmtp()
    handler = type("OwnHandler", (Handler,), {"fake": fake})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        fake.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield fake
        fake.over.set()
        server.shutdown()
