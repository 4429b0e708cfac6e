"""The journal on disk and the read models made of it. The only place that knows sqlalchemy."""
