"""Commands for operators and developers, which use the code of the functions; nothing here is deployed."""
