# make run    the product on http://localhost:8000 (PORT, HOST, TARN_HOME, TARN_DEMO, DATABASE_URL, REDIS_URL)
# make test   every check and test        make lint / format / bench / lock
PY := .venv/bin/python

.PHONY: run test lint format bench lock setup tools

run: setup
	@exec $(PY) -m billing.supervisor

setup:
	@./setup.sh

tools:
	@./setup.sh dev

test:
	@./setup.sh browser
	@exec .ci/checks

lint: tools
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy billing invoicing customers
	@$(PY) -m mypy --config-file sdk/pyproject.toml sdk/src sdk/tests sdk/tools
	@.venv/bin/lint-imports

format: tools
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: tools
	@exec $(PY) -m tests.bench

# Hashes, and no index addresses: the lock works with any package index. pip-tools has a venv of its own.
lock:
	@test -x var/lock/bin/pip-compile || { python3.11 -m venv var/lock && var/lock/bin/pip install -q pip-tools; }
	@for name in requirements requirements-dev; do \
	  var/lock/bin/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-header \
	    --no-emit-index-url --no-emit-trusted-host --no-emit-find-links -o $$name.lock $$name.in; done
