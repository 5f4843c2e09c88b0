@echo off
rem Removes the service and the program. The configuration stays, unless "uninstall.cmd /purge" is asked for.
rem Run it as administrator.
setlocal
set name=Netlens
set program=%ProgramFiles%\Netlens
set data=%ProgramData%\Netlens
set events=HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\%name%
set tries=0

sc query %name% >nul 2>&1
if errorlevel 1 goto files
sc stop %name% >nul 2>&1

:wait
sc query %name% | find "STOPPED" >nul
if not errorlevel 1 goto stopped
set /a tries=tries+1
if %tries% geq 30 goto running
ping -n 2 127.0.0.1 >nul
goto wait

:stopped
sc delete %name% >nul
if errorlevel 1 goto kept

:files
reg delete "%events%" /f >nul 2>&1
if exist "%program%\netlens.exe" rmdir /s /q "%program%"
if exist "%program%\netlens.exe" goto kept
if /i "%~1"=="/purge" goto purge
echo Netlens is removed. Its configuration stays: %data%
exit /b 0

:purge
if exist "%data%\" rmdir /s /q "%data%"
echo Netlens is removed, with its configuration.
exit /b 0

:running
echo uninstall: the service does not stop 1>&2
exit /b 1

:kept
echo uninstall: the service or %program% cannot be removed: run this as administrator 1>&2
exit /b 1
