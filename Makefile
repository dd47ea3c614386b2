# `make app` runs the app, `make test` passes the tests, `make check` lints, `make bench` prints the
# server's speed beside a baseline, `make soak` tests it for several minutes, `make cluster` serves
# the app with Ray Serve.
# Each sets up its own virtual environment on a fresh machine.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: app test test-cluster check bench soak cluster clean

app: $(VENV)/app.stamp
	$(BIN)/python app.py $(ARGS)

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest -n 2 $(ARGS)

test-cluster: $(VENV)/test.stamp $(VENV)/cluster.stamp
	$(BIN)/python -m pytest tests/e2e/test_cluster.py $(ARGS)

check: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy dlnlp train benchmarks deploy app.py
	$(BIN)/pip-audit --local --progress-spinner off

bench: $(VENV)/test.stamp
	$(BIN)/python -m benchmarks.serving $(ARGS)

soak: $(VENV)/soak.stamp
	$(BIN)/python -m benchmarks.soak $(ARGS)

cluster: $(VENV)/cluster.stamp
	$(BIN)/python -m deploy.ray_app $(ARGS)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/app.stamp: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install -r requirements.txt
	touch $@

$(VENV)/test.stamp: requirements.txt requirements-train.txt requirements-test.txt | $(BIN)/python
	$(BIN)/python -m pip install -r requirements-test.txt
	touch $@

$(VENV)/soak.stamp: $(VENV)/test.stamp requirements-soak.txt
	$(BIN)/python -m pip install -r requirements-soak.txt
	touch $@

$(VENV)/cluster.stamp: requirements.txt requirements-cluster.txt | $(BIN)/python
	$(BIN)/python -m pip install -r requirements-cluster.txt
	touch $@

clean:
	rm -rf $(VENV)
