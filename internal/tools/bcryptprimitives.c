/*
 * What Go expects of Windows and Debian's Wine 8 lacks. test-windows.sh builds it and puts it into Wine's system32, unless
 * Wine has a bcryptprimitives.dll of its own, as it has from version 9 on.
 *
 * - ProcessPrng: the only source of random bytes of Go's runtime, which loads this library before anything else.
 * - NtSetInformationFile with FileDispositionInformationEx (class 64), by which os.RemoveAll and os.Root remove files.
 *   Wine 8 answers STATUS_NOT_IMPLEMENTED. A Windows that lacks the class answers STATUS_INVALID_INFO_CLASS, and then Go
 *   takes the older class (Deleteat in Go's internal/syscall/windows).
 */
#include <windows.h>
#include <ntsecapi.h>
#include <string.h>

#define STATUS_NOT_IMPLEMENTED    ((LONG)0xC0000002)
#define STATUS_INVALID_INFO_CLASS ((LONG)0xC0000003)

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *data, SIZE_T size)
{
    while (size > 0) {
        ULONG part = size < 0x10000 ? (ULONG)size : 0x10000;
        if (!RtlGenRandom(data, part)) return FALSE;
        data += part;
        size -= part;
    }
    return TRUE;
}

typedef LONG (WINAPI *set_information)(HANDLE, void *, void *, ULONG, int);

static set_information original;

static LONG WINAPI replacement(HANDLE file, void *status, void *information, ULONG size, int class)
{
    LONG result = original(file, status, information, size, class);
    return class == 64 && result == STATUS_NOT_IMPLEMENTED ? STATUS_INVALID_INFO_CLASS : result;
}

/*
 * Wine's system calls on x86-64 begin with instructions that run anywhere: mov %rcx,%r10; mov $number,%eax;
 * testb $1,0x7ffe0308. They move to a page of their own, which jumps back, and make way for a jump to the replacement.
 */
enum { BEGINNING = 3 + 5 + 8 };

BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, void *reserved)
{
    BYTE *call, *moved, *rest;
    void *target = replacement;
    DWORD protection;

    (void)self, (void)reserved;
    if (reason != DLL_PROCESS_ATTACH) return TRUE;
    call = (BYTE *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtSetInformationFile");
    if (!call || memcmp(call, "\x4c\x8b\xd1\xb8", 4) || memcmp(call + 8, "\xf6\x04\x25\x08\x03\xfe\x7f\x01", 8))
        return TRUE; /* another Wine, whose tests show whether it needs this */
    moved = VirtualAlloc(NULL, BEGINNING + 14, MEM_COMMIT | MEM_RESERVE, PAGE_EXECUTE_READWRITE);
    if (!moved || !VirtualProtect(call, BEGINNING, PAGE_EXECUTE_READWRITE, &protection)) return FALSE;

    rest = call + BEGINNING;
    memcpy(moved, call, BEGINNING);
    memcpy(moved + BEGINNING, "\xff\x25\x00\x00\x00\x00", 6); /* jmp *0(%rip): keeps %rax and the flags */
    memcpy(moved + BEGINNING + 6, &rest, 8);
    original = (set_information)moved;

    memcpy(call, "\x48\xb8", 2); /* mov $target,%rax; jmp *%rax */
    memcpy(call + 2, &target, 8);
    memcpy(call + 10, "\xff\xe0", 2);
    VirtualProtect(call, BEGINNING, protection, &protection);
    return TRUE;
}
