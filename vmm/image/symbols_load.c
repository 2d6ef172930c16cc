/*
 * An ELF symbol table to sorted tables.  Owns the choice of symbols and the
 * extent of those without a size.  Names, sizes and section numbers come from
 * a hostile file: every one is bounded here.
 */
#include "image/symbols.h"

#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOLS_MAX (1 << 18)
#define RANK(type, binding) ((type) * 4 + (binding))
#define RANK_FUNC 1
#define RANK_NOTYPE 3
#define RANK_LOCAL 3
#define RANK_NONE 0xff

struct strings {
	const char *bytes;
	size_t size;
};

/* .symtab, or .dynsym where there is no other. */
static Elf_Scn *find_table(Elf *elf, GElf_Shdr *header)
{
	Elf_Scn *section = NULL, *found = NULL;
	GElf_Shdr h;

	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &h) || (h.sh_type != SHT_SYMTAB && h.sh_type != SHT_DYNSYM))
			continue;
		if (found && h.sh_type == SHT_DYNSYM)
			continue;
		found = section;
		*header = h;
		if (h.sh_type == SHT_SYMTAB)
			break;
	}
	return found;
}

static struct strings string_table(Elf *elf, const GElf_Shdr *header)
{
	Elf_Scn *section = elf_getscn(elf, header->sh_link);
	Elf_Data *data;
	GElf_Shdr h;

	if (!section || !gelf_getshdr(section, &h) || h.sh_type != SHT_STRTAB)
		return (struct strings){ 0 };
	data = elf_getdata(section, NULL);
	if (!data || !data->d_buf)
		return (struct strings){ 0 };
	return (struct strings){ data->d_buf, data->d_size };
}

/* FUNC before OBJECT before NOTYPE; within these global before weak before local. */
static uint8_t rank_of(const GElf_Sym *sym)
{
	static const uint8_t types[16] = {
		[STT_FUNC] = RANK_FUNC, [STT_GNU_IFUNC] = RANK_FUNC, [STT_OBJECT] = 2,
		[STT_NOTYPE] = RANK_NOTYPE
	};
	static const uint8_t bindings[16] = { [STB_GLOBAL] = 1, [STB_WEAK] = 2,
		[STB_LOCAL] = RANK_LOCAL
	};
	uint8_t type = types[GELF_ST_TYPE(sym->st_info)], binding = bindings[GELF_ST_BIND(sym->st_info)];

	if (!type || !binding || sym->st_shndx == SHN_UNDEF)
		return RANK_NONE;
	return (uint8_t)RANK(type, binding);
}

/* The name's length, at most SYMBOL_NAME_MAX; 0 when it has none that ends inside the table. */
static size_t name_length(const struct strings *strings, uint64_t offset)
{
	size_t length;

	if (offset >= strings->size)
		return 0;
	length = strnlen(strings->bytes + offset, strings->size - offset);
	if (length == strings->size - offset)
		return 0;
	return length < SYMBOL_NAME_MAX ? length : SYMBOL_NAME_MAX;
}

static const char *copy_name(struct symbols *s, size_t *used, const char *name, size_t length)
{
	char *copy = s->names + *used;

	for (size_t i = 0; i < length; i++)
		copy[i] = name[i] > ' ' && name[i] < 0x7f ? name[i] : '?';
	copy[length] = '\0';
	*used += length + 1;
	return copy;
}

/*
 * A symbol without a size reaches to the next symbol, which cut_sizes finds,
 * or to the end of its section.  An absolute one without a size is a number,
 * not a place: it covers nothing.
 */
static uint64_t extent(Elf *elf, const GElf_Sym *sym)
{
	GElf_Shdr h;

	if (sym->st_size)
		return sym->st_size;
	if (sym->st_shndx >= SHN_LORESERVE || !gelf_getshdr(elf_getscn(elf, sym->st_shndx), &h))
		return 0;
	if (sym->st_value < h.sh_addr || sym->st_value - h.sh_addr >= h.sh_size)
		return 0;
	return h.sh_addr + h.sh_size - sym->st_value;
}

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->rank != y->rank ? x->rank - y->rank : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order != 0)
		return order;
	return x->rank != y->rank ? x->rank - y->rank : (x->address > y->address) - (x->address < y->address);
}

typedef bool same_fn(const struct symbol *a, const struct symbol *b);

static size_t keep_first(struct symbol *symbols, size_t count, same_fn *same)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !same(&symbols[kept - 1], &symbols[i]))
			symbols[kept++] = symbols[i];
	return kept;
}

static bool same_address(const struct symbol *a, const struct symbol *b)
{
	return a->address == b->address;
}

static bool same_name(const struct symbol *a, const struct symbol *b)
{
	return strcmp(a->name, b->name) == 0;
}

/*
 * A local label inside a function of known size would hide the function's
 * name: it is left to lookups by name.
 */
static size_t drop_inner_labels(struct symbol *symbols, size_t count)
{
	const struct symbol *function = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (function && symbols[i].rank == RANK(RANK_NOTYPE, RANK_LOCAL) &&
		    symbols[i].address - function->address < function->size)
			continue;
		symbols[kept] = symbols[i];
		if (symbols[i].sized && symbols[i].rank < RANK(RANK_FUNC + 1, 0))
			function = &symbols[kept];
		kept++;
	}
	return kept;
}

static void cut_sizes(struct symbol *symbols, size_t count)
{
	for (size_t i = 0; i + 1 < count; i++) {
		uint64_t room = symbols[i + 1].address - symbols[i].address;

		if (symbols[i].size > room)
			symbols[i].size = room;
	}
}

static void index_symbols(struct symbols *s)
{
	qsort(s->covering, s->covering_count, sizeof(*s->covering), by_address);
	s->covering_count = keep_first(s->covering, s->covering_count, same_address);
	s->covering_count = drop_inner_labels(s->covering, s->covering_count);
	cut_sizes(s->covering, s->covering_count);
	qsort(s->named, s->named_count, sizeof(*s->named), by_name);
	s->named_count = keep_first(s->named, s->named_count, same_name);
}

/* One symbol of the file, if it is of use.  Room for its name was made. */
static void take(struct symbols *s, Elf *elf, const GElf_Sym *sym, const struct strings *strings,
		 size_t *used)
{
	size_t length = name_length(strings, sym->st_name);
	struct symbol symbol = { .address = sym->st_value, .rank = rank_of(sym), .sized = sym->st_size,
		.function = GELF_ST_TYPE(sym->st_info) == STT_FUNC };

	if (length == 0 || symbol.rank == RANK_NONE)
		return;
	symbol.name = copy_name(s, used, strings->bytes + sym->st_name, length);
	symbol.size = extent(elf, sym);
	s->named[s->named_count++] = symbol;
	if (symbol.size)
		s->covering[s->covering_count++] = symbol;
}

static bool load_table(struct symbols *s, Elf *elf, Elf_Data *data, const struct strings *strings)
{
	size_t count = data->d_size / gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT), room = 0, used = 0;
	GElf_Sym sym;

	if (count > SYMBOLS_MAX)
		count = SYMBOLS_MAX;
	for (size_t i = 0; i < count; i++)
		if (gelf_getsym(data, (int)i, &sym))
			room += name_length(strings, sym.st_name) + 1;
	s->covering = calloc(count + 1, sizeof(*s->covering));
	s->named = calloc(count + 1, sizeof(*s->named));
	s->names = malloc(room + 1);
	if (!s->covering || !s->named || !s->names)
		return false;
	for (size_t i = 0; i < count; i++)
		if (gelf_getsym(data, (int)i, &sym))
			take(s, elf, &sym, strings, &used);
	index_symbols(s);
	return true;
}

struct symbols *symbols_load(struct Elf *elf)
{
	struct symbols *s = calloc(1, sizeof(*s));
	struct strings strings;
	Elf_Scn *section;
	GElf_Shdr header;
	Elf_Data *data;

	if (!s || !elf)
		return s;
	section = find_table(elf, &header);
	if (!section)
		return s;
	strings = string_table(elf, &header);
	data = elf_getdata(section, NULL);
	if (!data || !data->d_buf || !strings.bytes)
		return s;
	if (load_table(s, elf, data, &strings))
		return s;
	symbols_free(s);
	return NULL;
}
