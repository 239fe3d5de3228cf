"""The ways to answer a question, each a module with `answer(question, data) -> rows`; it imports only what it needs."""
