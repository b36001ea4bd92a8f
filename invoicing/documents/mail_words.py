"""The words of e-mails to customers, by language. A language that is missing falls back to English.

For each kind a subject and an introduction with placeholders of `PLACEHOLDERS`; a billing entity may have its own
instead. `reminder` is for after the due date, `reminder_early` for before it. The words of the facts below the
introduction (number, due date, total) are those of the printed documents (`labels.py`).
"""

from __future__ import annotations

PLACEHOLDERS = ("number", "customer", "company", "amount", "due_date", "days", "link")
SUBJECTS = ("invoice", "credit_note", "receipt", "reminder", "reminder_early", "payment_request")

MAIL_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "hello": "Hello {customer},",
        "invoice.subject": "Invoice {number} from {company}",
        "invoice.intro": "Please find invoice {number} for {amount} attached.",
        "credit_note.subject": "Credit note {number} from {company}",
        "credit_note.intro": "Please find credit note {number} for {amount} attached.",
        "receipt.subject": "Receipt for your payment of {amount} to {company}",
        "receipt.intro": "Thank you: we have received your payment of {amount}. The receipt is attached.",
        "reminder.subject": "Reminder: invoice {number} from {company} is overdue",
        "reminder.intro": "Invoice {number} was due on {due_date}, and {amount} of it is still open. "
        "If you have paid in the meantime, please disregard this e-mail.",
        "reminder_early.subject": "Invoice {number} from {company} is due on {due_date}",
        "reminder_early.intro": "Invoice {number} for {amount} is due on {due_date}.",
        "payment_request.subject": "{company} asks for a payment of {amount}",
        "payment_request.intro": "{amount} is open for the invoices below. Please pay it soon.",
        "button.pay": "Pay online",
        "button.view": "View online",
        "received": "Received",
        "invoices": "Invoices",
        "attached": "Attached",
        "copy_link": "The button does not work? Copy this address:",
        "closing": "Kind regards",
    },
    "de": {
        "hello": "Guten Tag {customer},",
        "invoice.subject": "Rechnung {number} von {company}",
        "invoice.intro": "anbei erhalten Sie die Rechnung {number} über {amount}.",
        "credit_note.subject": "Gutschrift {number} von {company}",
        "credit_note.intro": "anbei erhalten Sie die Gutschrift {number} über {amount}.",
        "receipt.subject": "Quittung über Ihre Zahlung von {amount} an {company}",
        "receipt.intro": "vielen Dank: Ihre Zahlung von {amount} ist eingegangen. Die Quittung liegt bei.",
        "reminder.subject": "Zahlungserinnerung: Rechnung {number} von {company}",
        "reminder.intro": "die Rechnung {number} war am {due_date} fällig; davon sind noch {amount} offen. "
        "Falls Sie inzwischen bezahlt haben, betrachten Sie diese E-Mail bitte als gegenstandslos.",
        "reminder_early.subject": "Rechnung {number} von {company} ist am {due_date} fällig",
        "reminder_early.intro": "die Rechnung {number} über {amount} ist am {due_date} fällig.",
        "payment_request.subject": "{company} bittet um Zahlung von {amount}",
        "payment_request.intro": "für die unten genannten Rechnungen sind {amount} offen. Bitte begleichen Sie den "
        "Betrag bald.",
        "button.pay": "Online bezahlen",
        "button.view": "Online ansehen",
        "received": "Eingegangen",
        "invoices": "Rechnungen",
        "attached": "Anlagen",
        "copy_link": "Die Schaltfläche funktioniert nicht? Kopieren Sie diese Adresse:",
        "closing": "Mit freundlichen Grüßen",
    },
    "fr": {
        "hello": "Bonjour {customer},",
        "invoice.subject": "Facture {number} de {company}",
        "invoice.intro": "Veuillez trouver ci-jointe la facture {number} d’un montant de {amount}.",
        "credit_note.subject": "Avoir {number} de {company}",
        "credit_note.intro": "Veuillez trouver ci-joint l’avoir {number} d’un montant de {amount}.",
        "receipt.subject": "Reçu de votre paiement de {amount} à {company}",
        "receipt.intro": "Merci : nous avons bien reçu votre paiement de {amount}. Le reçu est joint à cet e-mail.",
        "reminder.subject": "Rappel : la facture {number} de {company} est échue",
        "reminder.intro": "La facture {number} était à régler le {due_date} ; il reste {amount} à payer. "
        "Si vous avez payé entre-temps, veuillez ne pas tenir compte de cet e-mail.",
        "reminder_early.subject": "La facture {number} de {company} arrive à échéance le {due_date}",
        "reminder_early.intro": "La facture {number} d’un montant de {amount} est à régler le {due_date}.",
        "payment_request.subject": "{company} vous demande un paiement de {amount}",
        "payment_request.intro": "Il reste {amount} à payer pour les factures ci-dessous. Merci de bien vouloir "
        "régler ce montant prochainement.",
        "button.pay": "Payer en ligne",
        "button.view": "Voir en ligne",
        "received": "Reçu le",
        "invoices": "Factures",
        "attached": "Pièces jointes",
        "copy_link": "Le bouton ne fonctionne pas ? Copiez cette adresse :",
        "closing": "Cordialement",
    },
    "es": {
        "hello": "Hola, {customer}:",
        "invoice.subject": "Factura {number} de {company}",
        "invoice.intro": "Adjuntamos la factura {number} por importe de {amount}.",
        "credit_note.subject": "Nota de crédito {number} de {company}",
        "credit_note.intro": "Adjuntamos la nota de crédito {number} por importe de {amount}.",
        "receipt.subject": "Recibo de su pago de {amount} a {company}",
        "receipt.intro": "Gracias: hemos recibido su pago de {amount}. Adjuntamos el recibo.",
        "reminder.subject": "Recordatorio: la factura {number} de {company} está vencida",
        "reminder.intro": "La factura {number} venció el {due_date} y quedan {amount} por pagar. "
        "Si ya la ha pagado, no tenga en cuenta este correo.",
        "reminder_early.subject": "La factura {number} de {company} vence el {due_date}",
        "reminder_early.intro": "La factura {number} por importe de {amount} vence el {due_date}.",
        "payment_request.subject": "{company} solicita un pago de {amount}",
        "payment_request.intro": "Quedan {amount} por pagar de las facturas siguientes. Le rogamos que los abone "
        "próximamente.",
        "button.pay": "Pagar en línea",
        "button.view": "Ver en línea",
        "received": "Recibido",
        "invoices": "Facturas",
        "attached": "Adjuntos",
        "copy_link": "¿No funciona el botón? Copie esta dirección:",
        "closing": "Un saludo",
    },
}


def mail_words(language: str) -> dict[str, str]:
    """The words for a language such as `de` or `de-AT`."""
    return MAIL_WORDS.get(language.replace("_", "-").split("-")[0].lower(), MAIL_WORDS["en"])
