package engine

// The HTTP statuses in use; this package knows no HTTP library.
const (
	statusOK               = 200
	statusNoContent        = 204
	statusBadRequest       = 400
	statusForbidden        = 403
	statusMethodNotAllowed = 405
	statusRequestTimeout   = 408
	statusTooLarge         = 413
	statusInternal         = 500
	statusUnavailable      = 503
)
