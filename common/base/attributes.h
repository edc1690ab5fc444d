/* attributes: those of the compiler that the project relies on, by the names it uses. */
#ifndef COUNTERSIGN_BASE_ATTRIBUTES_H
#define COUNTERSIGN_BASE_ATTRIBUTES_H

/* The result carries an error or an ownership: ignoring it is a compile error. */
#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNUSED                 __attribute__((unused))

/* CLEANUP(fn): fn is called with the variable's address when it leaves its scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
