# Every command of the project. `make` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export DAGSTER_DISABLE_TELEMETRY := 1
export MLFLOW_DISABLE_TELEMETRY := true

# Tests run in random order; SEED=… repeats one.
SEED ?= $(shell date +%j%H%M)
ORDER = --random-order --random-order-seed=$(SEED)

.DEFAULT_GOAL := help
.PHONY: docs-refresh help install demo test test-fast attack check bench bench-commands bench-history bench-hostile bench-learning bench-metrics-history bench-path bench-stream champions peers eval eval-clients eval-scaling eval-anomalies eval-early eval-learning package ui lock clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 12

install: $(STAMP) ## set everything up in .venv (done by the other commands when needed)

$(STAMP): requirements.lock setup.py
	@$(PYTHON) -c 'import sys; sys.exit("Weir needs Python 3.11, 3.12 or 3.13; set PYTHON=/path/to/one") if not (3, 11) <= sys.version_info[:2] <= (3, 13) else None'
	@echo "1 of 4: an environment in $(VENV), and uv, which installs …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || (echo "The venv module is missing; install it (Debian: apt-get install python3-venv)." >&2; exit 1)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	@echo "2 of 4: the $$(grep -c == requirements.lock) locked packages, downloaded and unpacked (about 2.5 GB on disk) …"
	@VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --require-hashes --no-deps -r requirements.lock
	@echo "3 of 4: compiling them, so that commands start fast …"
	@$(BIN)/python -m compileall -q -j 0 -x '/(tests|sympy|moto|cfnlint|mypy)/' $(VENV)/lib >/dev/null || true # templates of some are no Python
	@echo "4 of 4: Weir itself …"
	@VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --no-deps -e .
	@touch $@

champions: $(STAMP) ## fit the models that ship in mlflow/weir_models/*/champion, the same to the bit each time (MODELS="request_attack": these alone)
	@$(BIN)/python -W ignore -m platform_assets.training.champions $(MODELS)

demo: $(STAMP) ## a simulated day of CloudFront logs, through to a changed local WAF
	@echo "The demo: two days of simulated logs and four of metrics, through to changes and alerts, and a model that learns; a few minutes …"
	@$(BIN)/weir demo

test: $(STAMP) ## all tests, in two processes, with branch coverage and the table of attacks
	@echo "Order of tests: SEED=$(SEED)"
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(ORDER) --attacks --cov --cov-report=
	@echo "Branch coverage of what runs in the test processes: $$($(BIN)/coverage report --format=total) %"

test-fast: $(STAMP) ## tests that start no engine, server or browser
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow" $(ORDER)

attack: $(STAMP) ## all attacks and faults on scratch homes: kind, tried, held (ATTACK="attack and not slow": in minutes)
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q --attacks -m "$(or $(ATTACK),attack)"

check: $(STAMP) ## ruff, mypy, spelling and the list of banned words
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m tests.words
	@$(BIN)/codespell

bench: $(STAMP) ## ours beside DuckDB, Polars, DataFusion, chDB, classic Spark and Python, into benchmarks/RESULTS.md (BENCH_LINES=300000,3000000)
	@$(BIN)/python -m benchmarks.throughput.bench

peers: $(STAMP) ## DataFusion and chDB for `make bench` (700 MB on disk), which names them where they are not there
	@VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv pip install --quiet --require-hashes --no-deps -r benchmarks/peers.lock

bench-history: $(STAMP) ## what one new hour costs after 1, 100 and 2,000 (BENCH_HOURS=1,100,2000)
	@$(BIN)/python -W ignore -m benchmarks.throughput.history

bench-path: $(STAMP) ## what files to plan and exports cost by stage, 0.1 to 3 M lines (BENCH_LINES=100000,300000,1000000,3000000)
	@$(BIN)/python -W ignore -m benchmarks.throughput.path

bench-commands: $(STAMP) ## what one new hour, a plan, a status and an explanation cost (BENCH_ROUNDS=5 BENCH_HOURS=30)
	@$(BIN)/python -W ignore -m benchmarks.throughput.commands

bench-hostile: $(STAMP) ## what a megabyte of hostile log lines costs beside an ordinary one, by kind (HOSTILE_MEGABYTES=12 HOSTILE_KINDS=spaces,script)
	@$(BIN)/python -W ignore -m benchmarks.hostile.bench --megabytes $(or $(HOSTILE_MEGABYTES),12) $(if $(HOSTILE_KINDS),--kinds "$(HOSTILE_KINDS)")

bench-learning: $(STAMP) ## what watching models costs, into docs/learning.md (BENCH_ROWS=1000000,3000000,10000000 BENCH_SCALE=1)
	@$(BIN)/python -W ignore -m benchmarks.learning.costs --document docs/learning.md

bench-stream: $(STAMP) ## how late a stream is and what it costs beside batch, into benchmarks/STREAMING.md (STREAM_RATE=20000 STREAM_SECONDS=60 STREAM_RECORDS=500000 STREAM_IDLE=60)
	@$(BIN)/python -W ignore -m benchmarks.streaming.bench

bench-metrics-history: $(STAMP) ## what two years of metrics of twenty clusters cost on a fresh home (BENCH_CLUSTERS, BENCH_DAYS, BENCH_METRICS)
	@$(BIN)/python -W ignore -m benchmarks.metrics.history

eval: $(STAMP) ## the request model on public sets (WEIR_EVAL_DATA=../shared/data), into docs/detection.md
	@$(BIN)/python -m benchmarks.requests.evaluate --document docs/detection.md

eval-clients: $(STAMP) ## the client model on days, attackers, sites and logs it was not fitted on (SITES=media_live,json_api: prints these sites only)
	@$(BIN)/python -W ignore -m benchmarks.clients.$(if $(SITES),sites --sites $(SITES),evaluate)

eval-scaling: $(STAMP) ## predictive scaling on public traces (WEIR_EVAL_DATA=../shared/data), into docs/forecasting.md and docs/sizes.md
	@$(BIN)/python -m benchmarks.metrics.scaling --document docs/forecasting.md
	@$(BIN)/python -m benchmarks.metrics.sizes --document docs/sizes.md

eval-anomalies: $(STAMP) ## the anomaly detector on public series (WEIR_EVAL_DATA=../shared/data), into docs/anomalies.md
	@$(BIN)/python -m benchmarks.metrics.anomalies --document docs/anomalies.md

eval-early: $(STAMP) ## whom early decisions of a stream act on, on all simulated sites, into docs/streaming.md (SITES=media_live SCALE=0.05: prints these)
	@$(BIN)/python -W ignore -m benchmarks.streaming.early --scale $(or $(SCALE),0.3) $(if $(SITES),--sites $(SITES),--document docs/streaming.md)

eval-learning: $(STAMP) ## the statistics of continuous learning by simulation, into docs/learning.md (LEARNING_SIZE=0.01: this part, printed)
	@$(BIN)/python -W ignore -m benchmarks.learning.evaluate --document docs/learning.md

package: $(STAMP) ## what a cluster needs, into build/: wheel, main.py, zip of the jobs, requirements.txt
	@$(BIN)/python -m spark_jobs.runtime.package build
	@VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/uv build --quiet --wheel --out-dir build
	@rm -rf build/lib build/bdist.* build/*.egg-info

ui: $(STAMP) ## Dagster and MLflow on .weir
	@$(BIN)/weir ui

lock: ## resolve requirements.lock anew
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv==0.13.9
	@$(BIN)/uv pip compile setup.py --extra dev --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q -U -o requirements.lock
	@$(BIN)/uv pip compile benchmarks/peers.in --constraint requirements.lock --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q -U -o benchmarks/peers.lock

docs-refresh: $(STAMP) ## write what derives from the code anew: docs/cli.md, docs/tables.md, .env.example, docs/asset-graph.png
	@$(BIN)/python -m platform_assets.cli.graph_picture docs/asset-graph.png
	@$(BIN)/python -m platform_assets.cli.reference > docs/cli.md
	@$(BIN)/python tests/outputs/test_export.py
	@$(BIN)/python -m tests.docs.test_env_example > .env.example

clean: ## remove the environment and caches; the home .weir stays
	@rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
