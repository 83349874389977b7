"""Everything at once, for minutes: producers that never give up, and somebody who breaks whatever there is."""
