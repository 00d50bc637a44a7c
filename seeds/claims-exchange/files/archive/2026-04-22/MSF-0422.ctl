batch,claims,total
MSF-0422,3,343.00
