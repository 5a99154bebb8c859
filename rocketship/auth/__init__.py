"""Who may call the engine, decided the same way for every transport."""
