"""The part of OpenAI's API that its clients ask answers by."""
