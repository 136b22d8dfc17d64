"""All signals of the model, in the order of its features."""

from __future__ import annotations

from weir_models.request_attack.signals import code, markup, probe, server_script, shell_forms, sql, system
from weir_models.request_attack.signals.signal import Signal

SIGNALS: tuple[Signal, ...] = (
    *sql.SIGNALS,
    *markup.SIGNALS,
    *system.SIGNALS,
    *shell_forms.SIGNALS,
    *code.SIGNALS,
    *server_script.SIGNALS,
    *probe.SIGNALS,
)
BY_NAME = {signal.name: signal for signal in SIGNALS}
