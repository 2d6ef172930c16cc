/*
 * The catalogue of the documents' claims, in order of id.  Where no run of
 * guest.elf or guest32.elf can speak about one, `reach` says why; most of these
 * concern the history of Windows and of processors.
 */
#include "check/claims.h"

#define CLAIM(id_, document_, lines_, paper_, text_, reason_, reach_)                                  \
	{ .id = id_, .document = document_, .lines = lines_, .paper = paper_, .text = text_,            \
	  .paper_reason = reason_, .reach = reach_ },

static const struct claim catalogue[] = {
#include "check/claims_c01.def"
#include "check/claims_c50.def"
#include "check/claims_c100.def"
};

const struct claim *claims_catalogue(size_t *count)
{
	*count = sizeof(catalogue) / sizeof(catalogue[0]);
	return catalogue;
}
