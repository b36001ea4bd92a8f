"""Cases with known answers (tests/data/worked_cases.jsonl), run through the product: `python -m tests.cases FILE`."""
