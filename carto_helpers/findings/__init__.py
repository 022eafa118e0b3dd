"""What the record says: chosen rows, sentences, report cards, differences explained."""
