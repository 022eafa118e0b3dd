"""The paper's claims, one by one, tested on the record."""
