/* The same code at other addresses: bytes in front of everything else. What changes between builds of one source is where
 * functions come to lie, and that alone can change their speed. */
__asm__(".text\n.skip 4999, 0x90\n");
