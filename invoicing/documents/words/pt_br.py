"""The words of documents and e-mails in Portuguese, as in Brazil: what differs from Portugal."""

from __future__ import annotations

from invoicing.documents.words import pt

LABELS: dict[str, str] = pt.LABELS | {
    "at_once": "À vista",
    "purchase_order": "Pedido de compra",
    "tax_id": "CNPJ/CPF",
    "legal_number": "Registro",
    "tax": "Imposto",
    "subscription_fee": "Assinatura",
    "reverse_charge": "Autoliquidação do IVA",
    "reverse_charge_note": "Autoliquidação: o IVA é devido pelo destinatário "
    "(artigo 196 da Diretiva 2006/112/CE).",
    "only_tax": "Apenas o imposto da fatura é creditado.",
    "mail": "A fatura está em anexo.",
    "void": "Cancelada",
    "void_note": "Cancelada",
}
STATEMENT: dict[str, str] = pt.STATEMENT | {
    "void": "Fatura cancelada",
    "write_off": "Baixado como perda",
    "write_off_undone": "Baixa desfeita",
    "due": "vence em",
    "on_account": "Adiantamento, ainda não usado",
}
RECEIPT: dict[str, str] = pt.RECEIPT | {"left": "Em aberto"}
MAILS: dict[str, str] = pt.MAILS | {
    "receipt.intro": "Obrigado: recebemos seu pagamento de {amount}. O recibo está em anexo.",
    "receipt.subject": "Recibo do seu pagamento de {amount} para {company}",
    "invoice.intro": "Segue em anexo a fatura {number} no valor de {amount}.",
    "credit_note.intro": "Segue em anexo a nota de crédito {number} no valor de {amount}.",
    "reminder.intro": "A fatura {number} venceu em {due_date} e ainda há {amount} em aberto. "
    "Se você já pagou, desconsidere este e-mail.",
    "reminder_early.subject": "A fatura {number} de {company} vence em {due_date}",
    "reminder_early.intro": "A fatura {number} no valor de {amount} vence em {due_date}.",
    "payment_request.subject": "{company} solicita o pagamento de {amount}",
    "payment_request.intro": "Há {amount} em aberto nas faturas abaixo. "
    "Pedimos que o pagamento seja feito em breve.",
    "payment_failed.subject": "Seu pagamento de {amount} para {company} não foi concluído",
    "payment_failed.intro": "Não foi possível cobrar {amount} da fatura {number} na forma de pagamento "
    "salva. Pedimos que pague de outra forma.",
    "closing": "Atenciosamente",
}
# By their English.
PHRASES: dict[str, str] = pt.PHRASES | {
    "Next {units}": "Faixa seguinte: {units}",
    "All units at the price of {n} to {units}": "Todas as unidades ao preço da faixa de {n} a {units}",
    "All units at the price of {units} and more": "Todas as unidades ao preço da faixa a partir de {units}",
    "Raised to the minimum per transaction": "Elevado ao valor mínimo por transação",
    "Reduced to the maximum per transaction": "Reduzido ao valor máximo por transação",
    "Balance owed on {text}": "Saldo devedor de {text}",
}
# By plural form.
NOUNS: dict[str, dict[str, str]] = pt.NOUNS
