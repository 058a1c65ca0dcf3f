"""The steps themselves; see `imgcap.feedback.sql.migrations`."""
