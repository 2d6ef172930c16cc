/*
 * The names of severities, for sinks that link no rule.
 */
#include "lint/lint.h"

const char *lint_severity_name(enum lint_severity severity)
{
	static const char *const names[] = { [LINT_ERROR] = "error", [LINT_WARNING] = "warning", [LINT_NOTE] = "note" };

	return names[severity];
}
