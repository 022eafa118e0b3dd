"""Files written whole or not at all, with a checksum, never unpickled."""
