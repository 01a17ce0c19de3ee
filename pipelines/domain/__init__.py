"""The words of the product as frozen types. Nothing here computes more than an id or a set."""
