"""The composition root: the one room that knows every part. It assembles, and leaves deciding to the parts."""
