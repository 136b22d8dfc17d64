"""request_attack: is this request an attack, of which class, and which of its words say so."""
