"""All signals of the model, in the order of its features."""

from __future__ import annotations

from weir_models.request_attack.signals import code, markup, probe, sql, system
from weir_models.request_attack.signals.signal import Signal

SIGNALS: tuple[Signal, ...] = (*sql.SIGNALS, *markup.SIGNALS, *system.SIGNALS, *code.SIGNALS, *probe.SIGNALS)
BY_NAME = {signal.name: signal for signal in SIGNALS}
