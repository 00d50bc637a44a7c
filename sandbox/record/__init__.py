"""SQLite: one writer, readers, restore."""
