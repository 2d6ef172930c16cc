/*
 * A small ELF64 file in memory, written from the ELF specification and
 * independent of libelf: one header, program headers, a page of bytes for each
 * segment, and optionally a symbol table.  Tests build a good file and then
 * spoil one field of it.
 */
#ifndef TESTS_ELF_WRITER_H
#define TESTS_ELF_WRITER_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define W_SEGMENTS 2
#define W_SECTIONS 4
#define W_SYMBOLS 24
#define W_BYTES 0x100

enum { W_NULL, W_TEXT, W_SYMTAB, W_STRTAB };

/* The file as it lies on disk. */
struct elf_file {
	Elf64_Ehdr header;
	Elf64_Phdr segment[W_SEGMENTS];
	uint8_t bytes[W_SEGMENTS][W_BYTES];
	Elf64_Sym symbol[W_SYMBOLS];
	char strings[512];
	Elf64_Shdr section[W_SECTIONS];
};

struct elf_writer {
	struct elf_file file;
	size_t strings_used;
	unsigned symbols;
};

/* Text at 1 MiB, data with a BSS at 2 MiB, identity-mapped; the entry 10h into the text. */
static inline void elf_good(struct elf_writer *w)
{
	struct elf_file *f = &w->file;

	memset(w, 0, sizeof(*w));
	w->strings_used = w->symbols = 1;
	memcpy(f->header.e_ident, ELFMAG, SELFMAG);
	f->header.e_ident[EI_CLASS] = ELFCLASS64;
	f->header.e_ident[EI_DATA] = ELFDATA2LSB;
	f->header.e_ident[EI_VERSION] = EV_CURRENT;
	f->header.e_type = ET_EXEC;
	f->header.e_machine = EM_X86_64;
	f->header.e_version = EV_CURRENT;
	f->header.e_entry = 0x100010;
	f->header.e_phoff = offsetof(struct elf_file, segment);
	f->header.e_shoff = offsetof(struct elf_file, section);
	f->header.e_ehsize = sizeof(Elf64_Ehdr);
	f->header.e_phentsize = sizeof(Elf64_Phdr);
	f->header.e_phnum = W_SEGMENTS;
	f->header.e_shentsize = sizeof(Elf64_Shdr);
	f->header.e_shnum = W_SECTIONS;
	for (unsigned i = 0; i < W_SEGMENTS; i++) {
		f->segment[i] = (Elf64_Phdr){
			.p_type = PT_LOAD, .p_flags = i ? PF_R | PF_W : PF_R | PF_X,
			.p_offset = offsetof(struct elf_file, bytes) + i * W_BYTES,
			.p_vaddr = 0x100000 * (i + 1), .p_paddr = 0x100000 * (i + 1),
			.p_filesz = W_BYTES, .p_memsz = i ? 0x1000 : W_BYTES, .p_align = 1,
		};
		memset(f->bytes[i], 0xa0 + (int)i, W_BYTES);
	}
	f->section[W_TEXT] = (Elf64_Shdr){
		.sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR, .sh_addr = 0x100000,
		.sh_offset = offsetof(struct elf_file, bytes), .sh_size = W_BYTES,
	};
	f->section[W_SYMTAB] = (Elf64_Shdr){
		.sh_type = SHT_SYMTAB, .sh_offset = offsetof(struct elf_file, symbol),
		.sh_size = sizeof(Elf64_Sym), .sh_link = W_STRTAB, .sh_entsize = sizeof(Elf64_Sym),
		.sh_addralign = 8,
	};
	f->section[W_STRTAB] = (Elf64_Shdr){
		.sh_type = SHT_STRTAB, .sh_offset = offsetof(struct elf_file, strings),
		.sh_size = sizeof(f->strings), .sh_addralign = 1,
	};
}

static inline Elf64_Sym *elf_symbol(struct elf_writer *w, const char *name, unsigned char info,
				    uint64_t value, uint64_t size)
{
	struct elf_file *f = &w->file;
	Elf64_Sym *s = &f->symbol[w->symbols++];
	size_t length = strlen(name) + 1;

	if (w->symbols > W_SYMBOLS || w->strings_used + length > sizeof(f->strings))
		abort();
	memcpy(f->strings + w->strings_used, name, length);
	*s = (Elf64_Sym){ .st_name = (Elf64_Word)w->strings_used, .st_info = info, .st_shndx = W_TEXT,
			  .st_value = value, .st_size = size };
	w->strings_used += length;
	f->section[W_SYMTAB].sh_size = w->symbols * sizeof(Elf64_Sym);
	return s;
}

/* The same as an ELF32 file for i386: text at 1 MiB, data with a BSS at 2 MiB, one symbol over the text. */
struct elf32_file {
	Elf32_Ehdr header;
	Elf32_Phdr segment[W_SEGMENTS];
	uint8_t bytes[W_SEGMENTS][W_BYTES];
	Elf32_Sym symbol[2];
	char strings[16];
	Elf32_Shdr section[W_SECTIONS];
};

static inline void elf32_good(struct elf32_file *f)
{
	*f = (struct elf32_file){
		.header = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC, .e_machine = EM_386, .e_version = EV_CURRENT, .e_entry = 0x100010,
			.e_phoff = offsetof(struct elf32_file, segment), .e_shoff = offsetof(struct elf32_file, section),
			.e_ehsize = sizeof(Elf32_Ehdr), .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = W_SEGMENTS,
			.e_shentsize = sizeof(Elf32_Shdr), .e_shnum = W_SECTIONS,
		},
		.symbol[1] = { .st_name = 1, .st_value = 0x100000, .st_size = 0x80, .st_shndx = W_TEXT,
			       .st_info = ELF32_ST_INFO(STB_GLOBAL, STT_FUNC) },
		.strings = "\0KiEntry",
		.section[W_TEXT] = {
			.sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR, .sh_addr = 0x100000,
			.sh_offset = offsetof(struct elf32_file, bytes), .sh_size = W_BYTES,
		},
		.section[W_SYMTAB] = {
			.sh_type = SHT_SYMTAB, .sh_offset = offsetof(struct elf32_file, symbol),
			.sh_size = 2 * sizeof(Elf32_Sym), .sh_link = W_STRTAB, .sh_entsize = sizeof(Elf32_Sym),
			.sh_addralign = 4,
		},
		.section[W_STRTAB] = {
			.sh_type = SHT_STRTAB, .sh_offset = offsetof(struct elf32_file, strings), .sh_size = 16, .sh_addralign = 1,
		},
	};
	for (unsigned i = 0; i < W_SEGMENTS; i++) {
		f->segment[i] = (Elf32_Phdr){
			.p_type = PT_LOAD, .p_offset = (Elf32_Off)(offsetof(struct elf32_file, bytes) + i * W_BYTES),
			.p_vaddr = 0x100000 * (i + 1), .p_paddr = 0x100000 * (i + 1),
			.p_filesz = W_BYTES, .p_memsz = i ? 0x1000 : W_BYTES, .p_align = 1,
		};
		memset(f->bytes[i], 0xa0 + (int)i, W_BYTES);
	}
}

/* A path that names these bytes; *fd is to be closed. */
static inline const char *elf_path(const void *bytes, size_t size, int *fd)
{
	static char path[64];

	*fd = memfd_create("guest", 0);
	if (*fd < 0 || write(*fd, bytes, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", *fd);
	return path;
}

#endif
