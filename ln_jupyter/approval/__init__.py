"""Which registry a project may name: database URLs (`urls`), the approved ones (`lists`), and the choice (`registry_url`)."""
