"""What changes accounts, and what proves who somebody is. Knows neither REST nor the queue."""
