// FlorinClient
