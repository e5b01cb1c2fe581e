"""What each network costs on the engine: cold, warm and in memory."""
