"""The runners of the resource `spark` that work on another machine's processes; see docs/scaling.md."""
