"""How a shell displays records, and what gives them: `hook.Hook` is put into a shell and taken out."""
