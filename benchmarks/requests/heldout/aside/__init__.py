"""One third of the productions, set aside: whoever works on the detector reads neither these modules nor single lines."""
