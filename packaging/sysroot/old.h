/*
 * What a newer glibc answers with a symbol of its own, asked for in its oldest form. The linker puts the functions of
 * old-libc.c and old-libm.c in the place of the plain ones (--wrap), so that what is linked starts on glibc 2.17.
 */
#ifdef __x86_64__
#define OLDEST "GLIBC_2.2.5"
#else
#define OLDEST "GLIBC_2.17"
#endif
#define OLD(name) __asm__(".symver old_" #name "," #name "@" OLDEST)
